// The way of the request: from the client, or from memory, to the server.

#include <cerrno>
#include <cstring>

#include "proxy/attempt.h"
#include "proxy/snapshot.h"

namespace otto {

void Attempt::on_client_body() {
    if (phase_ == Phase::connecting || phase_ == Phase::over) return;
    push_request();
}

/// Sends what there is of the request, as long as the server takes it.
void Attempt::push_request() {
    for (;;) {
        if (request_.empty() && (request_pipe_ || Pipe::is_worth_it(request_body_.spliceable())) &&
            request_pipe_.begin()) {
            splice_request();
            return;
        }
        if (request_body_.state() == RequestBody::State::open) {
            const auto state = request_body_.take(request_);
            if (state == RequestBody::State::too_large || state == RequestBody::State::malformed) {
                refuse_body(state);
                return;
            }
        }
        if (request_body_.cut_short()) {
            client_broken();  // it has ended within its request
            return;
        }
        if (request_.empty()) return;
        const Bytes sent_before = sent_;
        if (!send_broken_ && !flush()) {
            if (sent_ == 0) {  // no server has seen any of it
                fail(Failure::reset_before_response, std::strerror(errno));
                return;
            }
            send_broken_ = true;  // an answer may be waiting to be read
        }
        if (send_broken_) request_.clear();
        note_sending(sent_before);
        if (request_complete() || !request_.empty()) return;  // the next edge continues
    }
}

void Attempt::refuse_body(RequestBody::State state) {
    if (reply_begun_) {
        cut("the request body is malformed or too large");
    } else if (state == RequestBody::State::too_large) {
        last_call().on_request_refused(413, "the body exceeds limits.bodyBytes");
    } else {
        last_call().on_request_refused(400, request_body_.reason());
    }
}

/// Moves the rest of a large body within the kernel.
void Attempt::splice_request() {
    if (send_broken_) return;
    const Bytes sent_before = sent_;
    const Bytes left_before = request_body_.spliceable();
    Bytes left = left_before;
    const auto moved = request_pipe_->move(
        left, [this](int pipe, std::size_t most) { return client_.splice_body(pipe, most); },
        [this](int pipe, std::size_t most) {
            const ssize_t taken = connection_->splice_out(pipe, most);
            if (taken > 0) count_sent(static_cast<std::size_t>(taken));
            return taken;
        });
    if (left < left_before) request_body_.spliced(left_before - left);
    const bool open = request_body_.state() == RequestBody::State::open;
    switch (moved) {
        case Pipe::Moved::all:
            request_pipe_.end();
            break;
        case Pipe::Moved::some:
        case Pipe::Moved::source_empty:
            client_.want_body(true);
            break;
        case Pipe::Moved::source_ended:
        case Pipe::Moved::source_broken:
            client_broken();
            return;
        case Pipe::Moved::sink_full:
            if (open) client_.want_body(false);
            break;
        case Pipe::Moved::sink_broken:  // an answer may be waiting to be read
            send_broken_ = true;
            if (open) client_.want_body(false);
            return;
    }
    if (sent_ > sent_before) note_sending(sent_before);
}

/// The request may be complete, or `sent_` have grown.
void Attempt::note_sending(Bytes sent_before) {
    const bool done = request_complete();
    if (done) observer_->on_request_sent();
    const TimeoutsConfig& timeouts = snapshot_.config.timeouts;
    if (!reply_begun_ && (done || sent_ > sent_before))
        observer_->on_progress(done ? timeouts.response : timeouts.progress);
}

/// Hands the kernel what waits in `request_`. False when the server takes no more: errno says why.
bool Attempt::flush() {
    while (!request_.empty()) {
        const std::string_view rest = request_.unsent();
        iovec piece{const_cast<char*>(rest.data()), rest.size()};
        const ssize_t taken = connection_->send({&piece, 1});
        if (taken >= 0) {
            request_.sent(static_cast<std::size_t>(taken));
            count_sent(static_cast<std::size_t>(taken));
        } else if (errno != EINTR) {
            return errno == EAGAIN;
        }
    }
    return true;
}

/// The kernel has taken so much of the request: the server may see it.
void Attempt::count_sent(std::size_t bytes) {
    sent_ += bytes;
    request_body_.note_sent();
    counters_.sent.add(bytes);
}

}  // namespace otto
