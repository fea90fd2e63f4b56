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

/// Sends what there is of the request, as long as the server takes it. False when the attempt has
/// ended.
bool Attempt::push_request() {
    for (;;) {
        if (request_.empty() && (request_pipe_ || Pipe::is_worth_it(request_body_.spliceable())) &&
            request_pipe_.begin())
            return splice_request();
        if (request_body_.state() == RequestBody::State::open) {
            const auto state = request_body_.take(request_);
            if (state == RequestBody::State::too_large || state == RequestBody::State::malformed) {
                const bool large = state == RequestBody::State::too_large;
                if (reply_begun_) {
                    observer_.on_reply_cut("the request body is malformed or too large",
                                           http::Abort::cut);
                } else {
                    observer_.on_request_refused(
                        large ? 413 : 400,
                        large ? "the body exceeds limits.bodyBytes" : request_body_.reason());
                }
                return false;
            }
        }
        if (request_body_.cut_short()) {
            observer_.on_client_broken();  // it has ended within its request
            return false;
        }
        if (request_.empty()) return true;
        const Bytes sent_before = sent_;
        if (!flush()) return false;
        const TimeoutsConfig& timeouts = snapshot_.config.timeouts;
        const bool done = request_complete();
        if (done) observer_.on_request_sent();
        if (!reply_begun_ && (done || sent_ > sent_before))
            observer_.on_progress(done ? timeouts.response : timeouts.progress);
        if (done || !request_.empty()) return true;  // the next edge goes on
    }
}

/// Moves the rest of a large body within the kernel. False when the attempt has ended.
bool Attempt::splice_request() {
    if (send_broken_) return true;
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
            observer_.on_client_broken();
            return false;
        case Pipe::Moved::sink_full:
            if (open) client_.want_body(false);
            break;
        case Pipe::Moved::sink_broken:  // an answer may be waiting to be read
            send_broken_ = true;
            if (open) client_.want_body(false);
            return true;
    }
    if (sent_ == sent_before) return true;
    const bool done = request_complete();
    if (done) observer_.on_request_sent();
    const TimeoutsConfig& timeouts = snapshot_.config.timeouts;
    if (!reply_begun_) observer_.on_progress(done ? timeouts.response : timeouts.progress);
    return true;
}

/// Hands the kernel what waits in `request_`. False when the attempt has ended.
bool Attempt::flush() {
    while (!send_broken_ && !request_.empty()) {
        const std::string_view rest = request_.unsent();
        iovec piece{const_cast<char*>(rest.data()), rest.size()};
        const ssize_t taken = connection_->send({&piece, 1});
        if (taken >= 0) {
            request_.sent(static_cast<std::size_t>(taken));
            count_sent(static_cast<std::size_t>(taken));
        } else if (errno == EAGAIN) {
            return true;
        } else if (errno != EINTR) {
            if (sent_ == 0) {  // no server has seen any of it
                fail(Failure::reset_before_response, std::strerror(errno));
                return false;
            }
            send_broken_ = true;  // an answer may be waiting to be read
        }
    }
    request_.clear();
    return true;
}

/// The kernel has taken so much of the request: the server may see it.
void Attempt::count_sent(std::size_t bytes) {
    sent_ += bytes;
    request_body_.note_sent();
    counters_.sent.add(bytes);
}

}  // namespace otto
