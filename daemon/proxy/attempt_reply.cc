// The way of the reply: from the server to the client.

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/phrases.h"
#include "event/slice.h"
#include "http/forwarding.h"
#include "http/parse_response.h"
#include "proxy/attempt.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

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

/// Puts field lines at the end of a head that is complete.
void add_fields(std::string& head, std::string_view lines) {
    if (lines.empty()) return;
    constexpr std::string_view line_end = "\r\n";
    head.insert(head.size() - line_end.size(), lines);
}

}  // namespace

void Attempt::on_client_drained() {
    if (phase_ == Phase::body) observer_.on_progress(reply_limit_);
    if (phase_ == Phase::body && (connection_->readable() || reply_pipe_.held() > 0)) receive();
}

void Attempt::receive() {
    const std::span<char> buffer = worker_.scratch(snapshot_.config.limits.per_request_buffer);
    Slice slice;
    for (;;) {
        if (client_.queued() > 0) return;  // on_client_drained goes on
        if (splices_reply() && reply_pipe_.begin()) {
            splice_reply();
            return;
        }
        const ssize_t length = connection_->receive(buffer.data(), buffer.size());
        if (length > 0) {
            const auto got = static_cast<std::size_t>(length);
            counters_.received.add(got);
            if (!received(buffer.first(got), got == buffer.size())) return;
            if (slice.spend(got)) continue;
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
    return reply_pipe_ || (reply_begun_ && Pipe::is_worth_it(reply_.spliceable()));
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
            complete();
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
            observer_.on_client_broken();
            return;
    }
    if (left < left_before || reply_pipe_.held() < held_before) observer_.on_progress(reply_limit_);
}

/// `more`: the server has probably sent more, which can be read at once. False when the attempt has
/// ended.
bool Attempt::received(std::span<char> bytes, bool more) {
    if (unheard_) heard();
    if (!server_.connections->serves_many()) server_.note_heard(coarse_now());
    std::span<char> rest = bytes;
    std::string held;  // keeps the bytes of a head that came in parts alive
    if (phase_ == Phase::head) {
        if (!partial_head_.empty()) {
            partial_head_.append(bytes.data(), bytes.size());
            held.swap(partial_head_);
            rest = {held.data(), held.size()};
        }
        const auto head_length = read_head(rest);
        if (!head_length) return false;
        if (phase_ == Phase::head) {
            if (held.empty()) held.assign(rest.data(), rest.size());
            partial_head_.swap(held.erase(0, *head_length));
            return true;
        }
        rest = rest.subspan(*head_length);
    }
    const auto pieces = reply_.relay(rest);
    if (reply_.state() == ReplyBody::State::malformed) {
        note_over(reply_.over());
        if (!reply_begun_) {
            fail(Failure::malformed_response, reply_.reason());
        } else {
            observer_.on_reply_cut(reply_.reason(), as_sent_ != http::Framing::until_close);
        }
        return false;
    }
    if (!relay(pieces, more)) return false;
    if (reply_.state() == ReplyBody::State::complete) {
        complete();
        return false;
    }
    observer_.on_progress(reply_limit_);
    return true;
}

/// Reads the response's head and the interim ones before it. The bytes that it used; nothing when
/// the attempt has ended.
std::optional<std::size_t> Attempt::read_head(std::span<char> bytes) {
    std::size_t used = 0;
    for (;;) {
        http::ResponseHead& head = worker_.response_head();
        const auto parse = head_reader_.parse({bytes.data() + used, bytes.size() - used},
                                              client_.request().method, head, response_limits());
        switch (parse.state) {
            case http::ParseState::incomplete:
                return used;
            case http::ParseState::malformed:
                note_over(parse.over);
                fail(Failure::malformed_response, parse.reason);
                return std::nullopt;
            case http::ParseState::complete:
                break;
        }
        used += parse.length;
        if (head.status >= 200) {
            begin_reply(head);
            return used;
        }
        if (head.status == 101 && client_.request().upgrade && request_complete()) {
            upgrade(head, bytes.subspan(used));
            return std::nullopt;
        }
        if (head.status == 101) {
            fail(Failure::malformed_response, "unsolicited protocol switch");
            return std::nullopt;
        }
        if (!note_interim(parse.length)) return std::nullopt;
        if (client_is_http10()) continue;  // RFC 9110 §15.2
        if (head.status == 100 && continued_) {
            server_.connections->set_never_continues(false);
            continue;
        }
        std::string& interim = worker_.reply_head();
        interim.clear();
        http::append_interim_head(interim, head);
        iovec piece{interim.data(), interim.size()};
        if (!client_.send({&piece, 1})) {
            observer_.on_client_broken();
            return std::nullopt;
        }
    }
}

/// Interim responses may be many, but not without end: `timeouts.response` goes on while they come,
/// and their heads together may have the size of one. False when the attempt has ended.
bool Attempt::note_interim(std::size_t length) {
    ++interims_;
    interim_bytes_ += length;
    if (interim_bytes_ <= response_limits().header_bytes) return true;
    note_over(http::OverLimit::header_bytes);
    fail(Failure::malformed_response, "its interim responses exceed limits.responseHeaderBytes");
    return false;
}

void Attempt::note_over(http::OverLimit over) {
    switch (over) {
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

/// Decides how the reply is delimited for this client, and prepares its head, which goes out with
/// the first of the body.
void Attempt::begin_reply(const http::ResponseHead& head) {
    as_sent_ = head.framing;
    if (head.framing == http::Framing::chunked || head.framing == http::Framing::until_close)
        as_sent_ = client_is_http10() ? http::Framing::until_close : http::Framing::chunked;
    server_keeps_alive_ = head.keep_alive;
    if (head.connection_authentication) binds_ = true;
    // An answer that does not wait for the body ends the connection, and says so (RFC 9112 §9.6).
    client_keeps_alive_ = client_.may_keep_alive() && as_sent_ != http::Framing::until_close &&
                          request_body_.state() == RequestBody::State::complete;
    status_ = head.status;
    stream_ = is_event_stream(head);
    const TimeoutsConfig& timeouts = snapshot_.config.timeouts;
    reply_limit_ = stream_ ? timeouts.tunnel : timeouts.progress;
    reply_.begin(head, as_sent_, response_limits());
    phase_ = Phase::body;
    std::string& out = worker_.reply_head();
    out.clear();
    http::append_response_head(out, head,
                               {.framing = as_sent_,
                                .keep_alive = client_keeps_alive_,
                                .client_is_http10 = client_is_http10(),
                                .via = snapshot_.config.via},
                               worker_.date());
}

/// Passes the 101 on and hands the connection over: from here on it is a tunnel.
void Attempt::upgrade(const http::ResponseHead& head, std::span<char> rest) {
    std::string& out = worker_.reply_head();
    out.clear();
    http::append_response_head(out, head, {.via = snapshot_.config.via}, worker_.date());
    add_fields(out, observer_.on_response(head.status, true));
    phase_ = Phase::over;
    iovec piece{out.data(), out.size()};
    if (client_.send({&piece, 1})) {
        observer_.on_upgraded(std::move(connection_), rest);
    } else {
        observer_.on_client_broken();
    }
}

/// Sends pieces of the body, with the head before the first of them. False when the attempt has
/// ended.
bool Attempt::relay(std::span<iovec> body, bool more) {
    std::array<iovec, 4> pieces{};
    std::size_t count = 0;
    if (!reply_begun_) {
        std::string& head = worker_.reply_head();
        add_fields(head, observer_.on_response(status_, stream_));
        pieces[count++] = {head.data(), head.size()};
        reply_begun_ = true;
    }
    for (const iovec& piece : body) pieces[count++] = piece;
    held_back_ = more && count > 0 && splices_reply() && reply_pipe_.begin();
    const std::span<iovec> all(pieces.data(), count);
    if (count == 0 || (held_back_ ? client_.send_more(all) : client_.send(all))) return true;
    observer_.on_client_broken();
    return false;
}

void Attempt::end_of_input() {
    if (phase_ == Phase::head) {
        fail(Failure::reset_before_response,
             partial_head_.empty() ? "" : "within the response header");
        return;
    }
    const auto pieces = reply_.end_of_input();
    if (reply_.state() != ReplyBody::State::complete) {
        observer_.on_reply_cut("closed before the end of the response",
                               as_sent_ != http::Framing::until_close);
        return;
    }
    server_keeps_alive_ = false;
    if (relay(pieces, false)) complete();
}

void Attempt::broken(int error_number) {
    if (phase_ == Phase::head) {
        fail(Failure::reset_before_response, error_text(error_number));
    } else {
        observer_.on_reply_cut(error_text(error_number), as_sent_ != http::Framing::until_close);
    }
}

}  // namespace otto
