#include "proxy/attempt.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "http/forwarding.h"
#include "http/parse_response.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

namespace otto {

namespace {

/// Interim responses (1xx) to one request; more are a flood.
constexpr unsigned max_interims = 16;
/// How often one event reads from a server before other connections get their turn.
constexpr int reads_per_turn = 16;

Failure connect_failure(int error_number) {
    switch (error_number) {
        case ECONNREFUSED:
        case ENOENT:
            return Failure::refused;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            return Failure::local;
        default:
            return Failure::connect_failed;
    }
}

/// Below that the system calls of a splice cost more than two copies.
constexpr Bytes least_spliced = 32 * 1024;

bool splice_is_worth_it(Bytes length) {
    return length >= least_spliced;
}

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

Attempt::Attempt(AttemptObserver& observer, Worker& worker, const Snapshot& snapshot,
                 Server& server, http::ClientStream& client, RequestBody& body)
    : observer_(observer),
      worker_(worker),
      snapshot_(snapshot),
      server_(server),
      client_(client),
      request_body_(body),
      request_pipe_(worker.pipes()),
      reply_pipe_(worker.pipes()),
      out_(worker.take_buffer()) {}

Attempt::~Attempt() {
    worker_.give_buffer(std::move(out_));
}

bool Attempt::client_is_http10() const {
    return client_.request().version_minor == 0;
}

bool Attempt::request_complete() const {
    return out_.empty() && request_pipe_.held() == 0 &&
           request_body_.state() == RequestBody::State::complete;
}

std::size_t Attempt::unsent() const {
    return out_.size() - out_sent_ + request_pipe_.held() + reply_pipe_.held() +
           (connection_ ? connection_->unacknowledged() : 0);
}

// ---- connecting --------------------------------------------------------------------------------

void Attempt::start(std::string_view head, std::string_view replay, bool fresh) {
    out_.assign(head).append(replay);
    if (!fresh) connection_ = worker_.pool().take(server_);
    if (connection_) {
        connection_->observe(this);
        connected();
        return;
    }
    address_ = server_.preferred();
    observer_.on_progress(snapshot_.config.timeouts.connect);
    connect_next();
}

/// Tries the server's addresses in turn, the one that answered last first: a name with several is
/// one server.
void Attempt::connect_next() {
    const auto& addresses = server_.addresses;
    int failure = EHOSTUNREACH;
    while (addresses_tried_ < addresses.size()) {
        address_ = (server_.preferred() + addresses_tried_++) % addresses.size();
        auto connection = UpstreamConnection::connect(worker_.loop(), addresses[address_]);
        if (!connection) {
            failure = connection.error().number;
            continue;
        }
        connection_ = std::move(*connection);
        connection_->observe(this);
        if (connection_->connected()) connected();
        return;
    }
    fail(connect_failure(failure),
         addresses.empty() ? "its name does not resolve" : std::strerror(failure));
}

void Attempt::connect_settled(int failure) {
    if (failure == EINPROGRESS) return;
    if (failure == 0) {
        connected();
        return;
    }
    connection_.reset();
    if (addresses_tried_ < server_.addresses.size()) {
        connect_next();
    } else {
        fail(connect_failure(failure), std::strerror(failure));
    }
}

void Attempt::connected() {
    if (!connection_->reused()) {
        server_.note_connected();
        if (server_.preferred() != address_) server_.set_preferred(address_);
    }
    phase_ = Phase::head;
    if (push_request() && connection_->readable()) receive();
}

// ---- the request -------------------------------------------------------------------------------

void Attempt::on_client_body() {
    if (phase_ == Phase::connecting || phase_ == Phase::over) return;
    push_request();
}

/// Sends what there is of the request, as long as the server takes it. False when the attempt has
/// ended.
bool Attempt::push_request() {
    for (;;) {
        if (out_.empty() && (request_pipe_ || splice_is_worth_it(request_body_.spliceable())) &&
            request_pipe_.begin())
            return splice_request();
        if (request_body_.state() == RequestBody::State::open) {
            const auto state = request_body_.take(out_);
            if (state == RequestBody::State::too_large || state == RequestBody::State::malformed) {
                const bool large = state == RequestBody::State::too_large;
                if (reply_begun_) {
                    observer_.on_reply_cut("the request's body turned bad", true);
                } else {
                    observer_.on_request_refused(
                        large ? 413 : 400,
                        large ? "the body is over the limit" : request_body_.reason());
                }
                return false;
            }
        }
        if (out_.empty()) return true;
        const Bytes sent_before = sent_;
        if (!flush()) return false;
        const TimeoutsConfig& timeouts = snapshot_.config.timeouts;
        const bool done = request_complete();
        if (done) observer_.on_request_sent();
        if (!reply_begun_ && (done || sent_ > sent_before))
            observer_.on_progress(done ? timeouts.response : timeouts.progress);
        if (done || !out_.empty()) return true;  // the next edge goes on
    }
}

/// Moves the rest of a large body within the kernel. False when the attempt has ended.
bool Attempt::splice_request() {
    if (send_broken_) return true;
    const Bytes sent_before = sent_;
    Bytes left = request_body_.spliceable();
    const auto moved = request_pipe_->move(
        left, [this](int pipe, std::size_t most) { return client_.splice_body(pipe, most); },
        [this](int pipe, std::size_t most) {
            const ssize_t taken = connection_->splice_out(pipe, most);
            if (taken > 0) sent_ += static_cast<Bytes>(taken);
            return taken;
        });
    if (request_body_.state() == RequestBody::State::open) request_body_.spliced(left);
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

/// Hands the kernel what waits in `out_`. False when the attempt has ended.
bool Attempt::flush() {
    while (!send_broken_ && out_sent_ < out_.size()) {
        iovec rest{out_.data() + out_sent_, out_.size() - out_sent_};
        const ssize_t taken = connection_->send({&rest, 1});
        if (taken >= 0) {
            out_sent_ += static_cast<std::size_t>(taken);
            sent_ += static_cast<Bytes>(taken);
        } else if (errno == EAGAIN) {
            return true;
        } else if (errno != EINTR) {
            if (sent_ == 0) {  // nobody has seen any of it
                fail(Failure::reset_before_response, std::strerror(errno));
                return false;
            }
            send_broken_ = true;  // an answer may be waiting to be read
        }
    }
    out_.clear();
    out_sent_ = 0;
    return true;
}

// ---- the reply ---------------------------------------------------------------------------------

void Attempt::on_upstream(UpstreamConnection&, bool readable, bool writable) {
    if (phase_ == Phase::connecting) {
        connect_settled(connection_->finish_connecting());
        return;
    }
    if (writable && (!out_.empty() || request_pipe_) && !push_request()) return;
    if (readable) receive();
}

void Attempt::on_client_drained() {
    if (phase_ == Phase::body) observer_.on_progress(reply_limit_);
    if (phase_ == Phase::body && (connection_->readable() || reply_pipe_.held() > 0)) receive();
}

void Attempt::receive() {
    const std::span<char> buffer = worker_.scratch(snapshot_.config.limits.per_request_buffer);
    for (int turn = 0; turn < reads_per_turn; ++turn) {
        if (client_.queued() > 0) return;  // on_client_drained goes on
        if (splices_reply() && reply_pipe_.begin()) {
            splice_reply();
            return;
        }
        const ssize_t length = connection_->receive(buffer.data(), buffer.size());
        if (length > 0) {
            const auto got = static_cast<std::size_t>(length);
            if (!received(buffer.first(got), got == buffer.size())) return;
            continue;
        }
        if (length < 0 && errno == EINTR) continue;
        if (length == 0) {
            end_of_input();
        } else if (errno != EAGAIN) {
            broken(errno);
        }
        return;
    }
    connection_->poke();
}

bool Attempt::splices_reply() const {
    return reply_pipe_ || (reply_begun_ && splice_is_worth_it(reply_.spliceable()));
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
        reply_.spliced(left);
    } else if (held_back_) {
        client_.push();
    }
    held_back_ = false;
    switch (moved) {
        case Pipe::Moved::all:
            complete();
            return;
        case Pipe::Moved::some:
            connection_->poke();
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
    std::span<char> rest = bytes;
    std::string held;  // keeps the bytes of a head that came in parts alive
    if (phase_ == Phase::head) {
        if (!partial_head_.empty()) {
            partial_head_.append(bytes.data(), bytes.size());
            held = std::exchange(partial_head_, {});
            rest = {held.data(), held.size()};
        }
        const auto head_length = read_head(rest);
        if (!head_length) return false;
        if (phase_ == Phase::head) {
            partial_head_.assign(rest.data() + *head_length, rest.size() - *head_length);
            return true;
        }
        rest = rest.subspan(*head_length);
    }
    const auto pieces = reply_.relay(rest);
    if (reply_.state() == ReplyBody::State::malformed) {
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
        head.clear();
        const auto parse = http::parse_response_head({bytes.data() + used, bytes.size() - used},
                                                     client_.request().method, head);
        switch (parse.state) {
            case http::ParseState::incomplete:
                return used;
            case http::ParseState::malformed:
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
        if (head.status == 101 || ++interims_ > max_interims) {
            fail(Failure::malformed_response,
                 head.status == 101 ? "unasked switch of protocols" : "too many interim responses");
            return std::nullopt;
        }
        if (client_is_http10()) continue;  // RFC 9110 §15.2
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

/// Decides how the reply is delimited for this client, and prepares its head, which goes out with
/// the first of the body.
void Attempt::begin_reply(const http::ResponseHead& head) {
    as_sent_ = head.framing;
    if (head.framing == http::Framing::chunked || head.framing == http::Framing::until_close)
        as_sent_ = client_is_http10() ? http::Framing::until_close : http::Framing::chunked;
    server_keeps_alive_ = head.keep_alive;
    // An answer that does not wait for the body ends the connection, and says so (RFC 9112 §9.6).
    client_keeps_alive_ = client_.may_keep_alive() && as_sent_ != http::Framing::until_close &&
                          request_body_.state() == RequestBody::State::complete;
    const bool stream = is_event_stream(head);
    const TimeoutsConfig& timeouts = snapshot_.config.timeouts;
    reply_limit_ = stream ? timeouts.tunnel : timeouts.progress;
    reply_.begin(head, as_sent_);
    phase_ = Phase::body;
    std::string& out = worker_.reply_head();
    out.clear();
    http::append_response_head(out, head,
                               {.framing = as_sent_,
                                .keep_alive = client_keeps_alive_,
                                .client_is_http10 = client_is_http10(),
                                .via = snapshot_.config.via},
                               worker_.date());
    add_fields(out, observer_.on_response(head.status, stream));
    worker_.count_reply(head.status);
}

/// Passes the 101 on and hands the connection over: from here on it is a tunnel.
void Attempt::upgrade(const http::ResponseHead& head, std::span<char> rest) {
    std::string& out = worker_.reply_head();
    out.clear();
    http::append_response_head(out, head, {.via = snapshot_.config.via}, worker_.date());
    add_fields(out, observer_.on_response(head.status, true));
    worker_.count_reply(head.status);
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
        fail(Failure::reset_before_response, partial_head_.empty()
                                                 ? "closed without a response"
                                                 : "closed within the head of a response");
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
        fail(Failure::reset_before_response, std::strerror(error_number));
    } else {
        observer_.on_reply_cut(std::strerror(error_number), as_sent_ != http::Framing::until_close);
    }
}

void Attempt::complete() {
    phase_ = Phase::over;
    const bool reusable = server_keeps_alive_ && !reply_.surplus() && request_complete() &&
                          !send_broken_ && !worker_.draining() &&
                          (connection_->quiet() || connection_->untouched());
    connection_->observe(nullptr);
    if (reusable) worker_.pool().put(server_, std::move(connection_));
    observer_.on_reply_complete(client_keeps_alive_);
}

void Attempt::fail(Failure failure, std::string_view detail) {
    phase_ = Phase::over;
    if (connection_) connection_->observe(nullptr);
    observer_.on_attempt_failed(failure, detail);
}

}  // namespace otto
