#include "http1/response_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace otto::http1 {

using namespace http;

void ResponseReader::begin(Method method, const ResponseLimits& limits) {
    method_ = method;
    limits_ = limits;
}

void ResponseReader::fail(const char* reason, OverLimit over) {
    state_ = State::malformed;
    reason_ = reason;
    over_ = over;
}

void ResponseReader::feed(std::span<char> bytes) {
    rest_ = bytes;
    if (!held_.empty()) std::string().swap(held_);
    if (partial_.empty()) return;
    partial_.append(bytes.data(), bytes.size());
    held_.swap(partial_);
    partial_.clear();
    rest_ = {held_.data(), held_.size()};
}

bool ResponseReader::next_head(ResponseHead& head) {
    if (state_ != State::head) return false;
    const auto parse = head_reader_.parse({rest_.data(), rest_.size()}, method_, head, limits_);
    switch (parse.state) {
        case ParseState::incomplete:
            // The string goes to and fro, so that a head in many parts is copied once.
            if (held_.empty()) {
                partial_.assign(rest_.data(), rest_.size());
            } else {
                held_.erase(0, held_.size() - rest_.size());
                partial_.swap(held_);
            }
            rest_ = {};
            return false;
        case ParseState::malformed:
            fail(parse.reason, parse.over);
            return false;
        case ParseState::complete:
            break;
    }
    rest_ = rest_.subspan(parse.length);
    if (head.status >= 200) {
        begin_body(head);
        return true;
    }
    if (head.status == 101) return true;
    interim_bytes_ += parse.length;
    if (interim_bytes_ <= limits_.header_bytes) return true;
    fail("its interim responses exceed limits.responseHeaderBytes", OverLimit::header_bytes);
    return false;
}

std::span<char> ResponseReader::take_rest(std::string& kept) {
    const std::size_t size = rest_.size();
    if (!held_.empty()) {
        kept = std::move(held_);
        rest_ = std::span(kept).last(size);
    }
    return std::exchange(rest_, {});
}

void ResponseReader::begin_body(const ResponseHead& head) {
    framing_ = head.framing;
    left_ = head.content_length;
    keep_alive_ = head.keep_alive;
    chunked_.reset(limits_);
    const bool empty = framing_ == Framing::none || (framing_ == Framing::length && left_ == 0);
    state_ = empty ? State::complete : State::body;
}

std::string_view ResponseReader::payload() {
    const std::span<char> bytes = rest_;
    if (state_ != State::body) {
        surplus_ = surplus_ || !bytes.empty();
        return {};
    }
    std::string_view payload(bytes.data(), bytes.size());
    switch (framing_) {
        case Framing::none:
            return {};
        case Framing::length:
            payload =
                payload.substr(0, static_cast<std::size_t>(std::min<Bytes>(bytes.size(), left_)));
            left_ -= payload.size();
            surplus_ = payload.size() < bytes.size();
            if (left_ == 0) state_ = State::complete;
            break;
        case Framing::until_close:
            break;
        case Framing::chunked:
            payload = compact_chunks();
            break;
    }
    received_ += payload.size();
    return payload;
}

/// Moves the payload of all chunks to one place, over the framing between them.
std::string_view ResponseReader::compact_chunks() {
    std::span<char> bytes = rest_;
    char* first = nullptr;
    char* end = nullptr;
    const auto found = [&] {
        return std::string_view(first, static_cast<std::size_t>(end - first));
    };
    while (!bytes.empty() || state_ == State::body) {
        const auto [kind, length] = chunked_.next({bytes.data(), bytes.size()});
        switch (kind) {
            case ChunkedReader::Kind::framing:
                break;
            case ChunkedReader::Kind::payload:
                if (first == nullptr) {
                    first = end = bytes.data();
                } else if (end != bytes.data()) {
                    std::memmove(end, bytes.data(), length);
                }
                end += length;
                break;
            case ChunkedReader::Kind::end:
                state_ = State::complete;
                surplus_ = length < bytes.size();
                return found();
            case ChunkedReader::Kind::need_more:
                return found();
            case ChunkedReader::Kind::malformed:
                fail(chunked_.reason(), chunked_.over());
                if (over_ != OverLimit::none) reason_ = reason_of(over_);
                return {};
        }
        bytes = bytes.subspan(length);
    }
    return found();
}

void ResponseReader::spliced(Bytes left) {
    received_ += left_ - left;
    left_ = left;
    if (left == 0) state_ = State::complete;
}

bool ResponseReader::end_of_input() {
    keep_alive_ = false;
    if (state_ == State::body && framing_ == Framing::until_close) state_ = State::complete;
    return state_ == State::complete;
}

}  // namespace otto::http1
