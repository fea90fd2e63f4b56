#include "proxy/request_body.h"

#include <algorithm>

namespace otto {

void RequestBody::begin(http::ClientStream& client, const LimitsConfig& limits,
                        bool forward_trailers) {
    forward_trailers_ = forward_trailers;
    const http::RequestHead& head = client.request();
    client_ = &client;
    framing_ = head.framing;
    length_ = left_ = head.content_length;
    size_ = 0;
    limit_ = limits.body_bytes;
    buffer_ = limits.per_request_buffer;
    chunked_.reset();
    sent_ = false;
    replayable_ = true;
    held_.clear();
    const bool empty =
        framing_ == http::Framing::none || (framing_ == http::Framing::length && left_ == 0);
    state_ = empty ? State::complete : State::open;
    if (framing_ == http::Framing::length && limit_ != 0 && left_ > limit_)
        state_ = State::too_large;
}

RequestBody::State RequestBody::take(std::string& out) {
    const std::size_t before = out.size();
    while (state_ == State::open && out.size() < buffer_) {
        const std::string_view bytes = client_->body();
        if (bytes.empty()) break;
        const bool more =
            framing_ == http::Framing::length ? take_length(out, bytes) : take_chunked(out, bytes);
        if (!more) break;
    }
    if (replayable_ && out.size() > before) hold(std::string_view(out).substr(before));
    return state_;
}

void RequestBody::hold(std::string_view taken) {
    replayable_ = !sent_ || held_.size() + taken.size() <= buffer_;
    if (replayable_) {
        held_.append(taken);
    } else {
        held_.clear();
    }
}

Bytes RequestBody::spliceable() const {
    const bool raw = state_ == State::open && framing_ == http::Framing::length && !replayable_;
    return raw && client_->body().empty() ? left_ : 0;
}

void RequestBody::spliced(Bytes left) {
    left_ = left;
    if (left > 0) return;
    state_ = State::complete;
    client_->end_body();
}

RequestBody::State RequestBody::discard() {
    note_sent();
    replayable_ = false;
    held_.clear();
    std::string nowhere;
    const State now = take(nowhere);
    return now == State::open && !nowhere.empty() ? discard() : now;
}

bool RequestBody::take_length(std::string& out, std::string_view bytes) {
    const auto length = static_cast<std::size_t>(std::min<Bytes>({bytes.size(), left_, buffer_}));
    out.append(bytes.substr(0, length));
    client_->consume_body(length);
    left_ -= length;
    if (left_ == 0) state_ = State::complete;
    return true;
}

/// One piece of the client's framing; every piece of payload becomes a chunk of its own. False when
/// it takes more input.
bool RequestBody::take_chunked(std::string& out, std::string_view bytes) {
    const auto [kind, length] = chunked_.next(bytes);
    switch (kind) {
        case http::ChunkedReader::Kind::framing:
            client_->consume_body(length);
            return true;
        case http::ChunkedReader::Kind::payload:
            size_ += length;
            if (limit_ != 0 && size_ > limit_) {
                state_ = State::too_large;
                return false;
            }
            out.append(http::ChunkHeader(length).text())
                .append(bytes.substr(0, length))
                .append("\r\n");
            client_->consume_body(length);
            return true;
        case http::ChunkedReader::Kind::end:
            client_->consume_body(length);
            out.append("0\r\n");
            if (forward_trailers_) out.append(chunked_.trailers());
            out.append("\r\n");
            state_ = State::complete;
            return true;
        case http::ChunkedReader::Kind::need_more:
            return false;
        case http::ChunkedReader::Kind::malformed:
            state_ = State::malformed;
            return false;
    }
    return false;
}

}  // namespace otto
