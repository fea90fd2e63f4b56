#include "http/body_arrival.h"

#include <algorithm>

namespace otto::http {

void BodyArrival::begin(const RequestHead& head, Bytes most) {
    framing_ = head.framing;
    enough_ = framing_ == Framing::none;
    if (enough_) return;
    wanted_ = framing_ == Framing::length ? std::min(most, head.content_length) : most;
    seen_ = 0;
    if (framing_ == Framing::chunked) chunked_.reset();
}

bool BodyArrival::is_enough(std::string_view bytes) {
    if (enough_ || bytes.size() >= wanted_) return enough_ = true;
    while (framing_ == Framing::chunked) {
        const auto [kind, length] = chunked_.next(bytes.substr(seen_));
        seen_ += length;
        if (kind == ChunkedReader::Kind::need_more) break;
        // The attempt will say what is wrong with it.
        if (kind == ChunkedReader::Kind::end || kind == ChunkedReader::Kind::malformed)
            return enough_ = true;
    }
    return false;
}

}  // namespace otto::http
