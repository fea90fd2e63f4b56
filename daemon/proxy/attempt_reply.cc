// The way of the reply: from the server to the client.

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/phrases.h"
#include "event/slice.h"
#include "proxy/attempt.h"
#include "proxy/snapshot.h"

namespace otto {

namespace {

/// Server-sent events, as the HTML standard defines them (§9.2).
bool is_event_stream(const http::ResponseHead& head) {
    constexpr std::string_view type = "text/event-stream";
    const http::Field* field = head.find(http::FieldId::content_type);
    if (field == nullptr) return false;
    const std::string_view found = field->value.substr(0, field->value.find_first_of("; \t"));
    return http::equal_ignoring_case(found, type);
}

}  // namespace

void Attempt::on_client_drained() {
    if (phase_ != Phase::body) return;
    observer_->on_progress(reply_limit_);
    if (connection_->readable() || reply_pipe_.held() > 0) receive();
}

void Attempt::receive() {
    if (phase_ == Phase::over) return;  // and the snapshot may be gone
    const std::span<char> buffer = workspace_.scratch(snapshot_.config.limits.per_request_buffer);
    Slice slice;
    while (phase_ != Phase::over && client_.queued() == 0) {  // on_client_drained continues
        if (splices_reply() && reply_pipe_.begin()) {
            splice_reply();
            return;
        }
        const ssize_t length = connection_->receive(buffer.data(), buffer.size());
        if (length > 0) {
            const auto got = static_cast<std::size_t>(length);
            counters_.received.add(got);
            received(buffer.first(got), got == buffer.size());
            if (phase_ == Phase::over || slice.spend(got)) continue;
            connection_->read_on_later();
            return;
        }
        if (length < 0 && errno == EINTR) continue;
        if (length == 0) {
            end_of_input();
        } else if (errno != EAGAIN) {
            broken(errno);
        }
        return;
    }
}

bool Attempt::splices_reply() const {
    return reply_pipe_ ||
           (reply_begun_ && Pipe::is_worth_it(reply_.spliceable()) && client_.splices_reply());
}

/// Moves the rest of a large body within the kernel.
void Attempt::splice_reply() {
    const Bytes left_before = reply_.spliceable();
    const std::size_t held_before = reply_pipe_.held();
    Bytes left = left_before;
    const auto moved = reply_pipe_->move(
        left, [this](int pipe, std::size_t most) { return connection_->splice_in(pipe, most); },
        [this](int pipe, std::size_t most) { return client_.splice_reply(pipe, most); });
    if (left < left_before) {
        counters_.received.add(left_before - left);
        reply_.spliced(left);
        if (!server_.connections->serves_many()) server_.note_heard(coarse_now());
    } else if (held_back_) {
        client_.push();
    }
    held_back_ = false;
    switch (moved) {
        case Pipe::Moved::all:
            end_reply({});
            return;
        case Pipe::Moved::some:
            connection_->read_on_later();
            break;
        case Pipe::Moved::source_empty:
        case Pipe::Moved::sink_full:
            break;
        case Pipe::Moved::source_ended:
            end_of_input();
            return;
        case Pipe::Moved::source_broken:
            broken(errno);
            return;
        case Pipe::Moved::sink_broken:
            client_broken();
            return;
    }
    if (left < left_before || reply_pipe_.held() < held_before)
        observer_->on_progress(reply_limit_);
}

/// `more`: the server has probably sent more, which can be read at once.
void Attempt::received(std::span<char> bytes, bool more) {
    if (unheard_) heard();
    if (!server_.connections->serves_many()) server_.note_heard(coarse_now());
    reply_.feed(bytes);
    const http::ResponseHead* head = nullptr;
    if (phase_ == Phase::head) {
        head = read_head();
        if (head == nullptr) return;
    }
    const std::string_view payload = reply_.payload();
    if (reply_.state() == http1::ResponseReader::State::malformed) {
        reply_malformed();
    } else {
        relay(head, payload, more);
    }
}

void Attempt::reply_malformed() {
    note_over();
    if (reply_begun_) {
        cut(reply_.reason());
    } else {
        fail(Failure::malformed_response, reply_.reason());
    }
}

/// Reads the response's head and the interim ones before it. Null when it is not complete, or the
/// attempt ends without it.
const http::ResponseHead* Attempt::read_head() {
    http::ResponseHead& head = workspace_.response_head();
    while (reply_.next_head(head)) {
        if (head.status >= 200) {
            begin_reply(head);
            return &head;
        }
        if (head.status == 101) {
            upgrade(head);
            return nullptr;
        }
        ++interims_;
        if (head.status == 100 && continued_) {
            server_.connections->set_never_continues(false);
        } else if (!client_.interim(head)) {
            client_broken();
            return nullptr;
        }
    }
    if (reply_.state() == http1::ResponseReader::State::malformed) reply_malformed();
    return nullptr;
}

void Attempt::note_over() {
    switch (reply_.over()) {
        case http::OverLimit::none:
            return;
        case http::OverLimit::header_bytes:
            counters_.over_header_bytes.add();
            return;
        case http::OverLimit::header_count:
            counters_.over_header_count.add();
            return;
    }
}

http::ResponseLimits Attempt::response_limits() const {
    const LimitsConfig& limits = snapshot_.config.limits;
    return {.header_bytes = limits.response_header_bytes,
            .header_count = limits.response_header_count};
}

/// What follows from the head of the final response. It goes out with the first of the body.
void Attempt::begin_reply(const http::ResponseHead& head) {
    if (head.connection_authentication) binds_ = true;
    stream_ = is_event_stream(head);
    const TimeoutsConfig& timeouts = snapshot_.config.timeouts;
    reply_limit_ = stream_ ? timeouts.tunnel : timeouts.progress;
    phase_ = Phase::body;
}

/// An answer that does not wait for the body ends the connection, and says so (RFC 9112 §9.6).
http::ReplyOptions Attempt::reply_options(std::string_view set_cookie) {
    return {.date = workspace_.date(),
            .via = snapshot_.config.via,
            .last = request_body_.state() != RequestBody::State::complete,
            .set_cookie = set_cookie};
}

/// Passes the 101 on and hands the connection over: from here on it is a tunnel.
void Attempt::upgrade(const http::ResponseHead& head) {
    if (!client_.request().upgrade || !request_complete()) {
        fail(Failure::malformed_response, "unsolicited protocol switch");
        return;
    }
    const std::string_view cookie = observer_->on_response(head.status, true);
    if (!client_.begin_tunnel(head, reply_options(cookie))) {
        client_broken();
        return;
    }
    std::string kept;
    const std::span<char> first = reply_.take_rest(kept);
    auto connection = std::move(connection_);
    last_call().on_upgraded(std::move(connection), first);
}

/// Passes on what came of the reply, `head` (null: it went out before) and payload.
void Attempt::relay(const http::ResponseHead* head, std::string_view payload, bool more) {
    if (head != nullptr) {
        const std::string_view cookie = observer_->on_response(head->status, stream_);
        client_.begin_reply(*head, reply_options(cookie));
        reply_begun_ = true;
    }
    if (reply_.state() == http1::ResponseReader::State::complete) {
        end_reply(payload);
        return;
    }
    if (head != nullptr || !payload.empty()) {
        held_back_ = more && splices_reply() && reply_pipe_.begin();
        if (!client_.write(payload, held_back_ ? http::More::splice : http::More::flush)) {
            client_broken();
            return;
        }
    }
    observer_->on_progress(reply_limit_);
}

void Attempt::end_reply(std::string_view payload) {
    if (client_.end_reply(payload, reply_.trailers())) {
        complete();
    } else {
        client_broken();
    }
}

void Attempt::complete() {
    const bool reusable = reply_.reusable() && request_complete() && !send_broken_ &&
                          !upstreams_.draining() &&
                          (connection_->quiet() || connection_->untouched());
    if (reusable && binds_) {
        observer_->on_bound(std::move(connection_));
    } else if (reusable) {
        upstreams_.pool().put(server_, std::move(connection_));
    }
    last_call().on_reply_complete();
}

void Attempt::end_of_input() {
    if (phase_ == Phase::head) {
        fail(Failure::reset_before_response,
             reply_.head_begun() ? "within the response header" : "");
    } else if (reply_.end_of_input()) {
        end_reply({});
    } else {
        cut("closed before the end of the response");
    }
}

void Attempt::broken(int error_number) {
    if (phase_ == Phase::head) {
        fail(Failure::reset_before_response, error_text(error_number));
    } else {
        cut(error_text(error_number));
    }
}

}  // namespace otto
