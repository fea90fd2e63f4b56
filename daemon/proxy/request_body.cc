#include "proxy/request_body.h"

#include <algorithm>

namespace otto {

void RequestBody::begin(http::ClientStream& client, const LimitsConfig& limits,
                        bool forward_trailers) {
    forward_trailers_ = forward_trailers;
    client_ = &client;
    received_ = 0;
    limit_ = limits.body_bytes;
    buffer_ = limits.per_request_buffer;
    sent_ = false;
    replayable_ = true;
    held_.clear();
    const auto length = client.request().body_length();
    state_ = length == Bytes{0} ? State::complete : State::open;
    if (limit_ != 0 && length.value_or(0) > limit_) state_ = State::too_large;
}

void RequestBody::begin_attempt(http1::RequestWriter& out) {
    sent_ = false;
    out.add(held_);
    if (state_ == State::complete) out.end(trailers());
}

RequestBody::State RequestBody::take(http1::RequestWriter& out) {
    bool more = true;
    while (more && state_ == State::open && out.size() < buffer_) {
        const std::string_view bytes = client_->body().substr(0, static_cast<std::size_t>(buffer_));
        more = !bytes.empty();
        if (more) {
            if (!count(bytes.size())) break;
            out.add(bytes);
            hold(bytes);
            client_->consume_body(bytes.size());
        }
        note_end();
        if (state_ == State::complete) out.end(trailers());
    }
    return state_;
}

/// Whether that was all.
void RequestBody::note_end() {
    switch (client_->body_state()) {
        case http::BodyState::open:
            return;
        case http::BodyState::complete:
            state_ = State::complete;
            return;
        case http::BodyState::malformed:
            state_ = State::malformed;
            return;
    }
}

/// False when that is too much.
bool RequestBody::count(std::size_t length) {
    received_ += length;
    if (limit_ == 0 || received_ <= limit_) return true;
    state_ = State::too_large;
    return false;
}

std::span<const http::Field> RequestBody::trailers() const {
    if (!forward_trailers_) return {};
    return client_->trailers();
}

void RequestBody::hold(std::string_view taken) {
    if (!replayable_) return;
    replayable_ = !sent_ || held_.size() + taken.size() <= buffer_;
    if (replayable_) {
        held_.append(taken);
    } else {
        held_.clear();
    }
}

Bytes RequestBody::spliceable() const {
    return state_ == State::open && !replayable_ ? client_->spliceable() : 0;
}

void RequestBody::spliced(Bytes length) {
    received_ += length;
    note_end();
}

RequestBody::State RequestBody::discard() {
    note_sent();
    replayable_ = false;
    held_.clear();
    while (state_ == State::open) {
        const std::string_view bytes = client_->body();
        if (bytes.empty()) {
            note_end();
            break;
        }
        if (count(bytes.size())) client_->consume_body(bytes.size());
    }
    return state_;
}

bool RequestBody::cut_short() const {
    return state_ == State::open && client_->ended() && client_->body().empty() &&
           client_->body_state() == http::BodyState::open;
}

}  // namespace otto
