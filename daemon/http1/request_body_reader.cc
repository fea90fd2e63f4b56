#include "http1/request_body_reader.h"

#include <algorithm>

namespace otto::http1 {

using namespace http;

void RequestBodyReader::begin(const RequestHead& head) {
    framing_ = head.framing;
    left_ = framing_ == Framing::length ? head.content_length : 0;
    const bool empty = framing_ == Framing::none || (framing_ == Framing::length && left_ == 0);
    state_ = empty ? BodyState::complete : BodyState::open;
    arrived_ = framing_ == Framing::none;
    seen_ = 0;
    if (framing_ != Framing::chunked) return;
    chunked_.reset();
    arrival_.reset();
}

std::size_t RequestBodyReader::skip(std::string_view input) {
    std::size_t skipped = 0;
    while (framing_ == Framing::chunked && state_ == BodyState::open && left_ == 0) {
        const auto [kind, length] = chunked_.next(input.substr(skipped));
        switch (kind) {
            case ChunkedReader::Kind::payload:
                left_ = length;
                return skipped;
            case ChunkedReader::Kind::framing:
                skipped += length;
                break;
            case ChunkedReader::Kind::end:
                state_ = BodyState::complete;
                return skipped + length;
            case ChunkedReader::Kind::need_more:
                return skipped;
            case ChunkedReader::Kind::malformed:
                state_ = BodyState::malformed;
                return skipped;
        }
    }
    return skipped;
}

std::string_view RequestBodyReader::run(std::string_view input) const {
    if (state_ != BodyState::open) return {};
    if (framing_ == Framing::until_close) return input;
    return input.substr(0, static_cast<std::size_t>(std::min<Bytes>(input.size(), left_)));
}

void RequestBodyReader::take(std::size_t length) {
    if (framing_ == Framing::until_close) return;
    left_ -= length;
    if (framing_ == Framing::length && left_ == 0) state_ = BodyState::complete;
}

bool RequestBodyReader::has_arrived(std::string_view input, Bytes most) {
    if (arrived_) return true;
    const Bytes wanted = framing_ == Framing::length ? std::min(most, left_) : most;
    if (input.size() >= wanted) return arrived_ = true;
    while (framing_ == Framing::chunked) {
        const auto [kind, length] = arrival_.next(input.substr(seen_));
        seen_ += length;
        if (kind == ChunkedReader::Kind::need_more) break;
        // The attempt will say what is wrong with it.
        if (kind == ChunkedReader::Kind::end || kind == ChunkedReader::Kind::malformed)
            return arrived_ = true;
    }
    return false;
}

}  // namespace otto::http1
