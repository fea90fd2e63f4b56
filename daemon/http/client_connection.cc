#include "http/client_connection.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include <event2/buffer.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "balance/affinity.h"
#include "http/proxy_protocol.h"

namespace otto::http {

namespace {

constexpr std::string_view plain_request = "GET / HTTP/1.1\r\n\r\n";
/// How long a client may go on sending after a reply that ends the connection.
constexpr Duration linger_time = std::chrono::seconds(2);
/// How long after it was accepted a connection may take to send its first request when draining.
constexpr Duration first_request_grace = std::chrono::milliseconds(250);
constexpr short gone = BEV_EVENT_READING | BEV_EVENT_EOF;

/// These bytes belong to no request: empty lines before one are ignored (RFC 9112 §2.2). Some
/// clients send one after a body, long before their next request.
bool only_line_ends(std::string_view bytes) {
    return bytes.find_first_not_of("\r\n") == std::string_view::npos;
}

/// In a user namespace (PrivateUsers=) most users have no number of their own, but this one.
constexpr uid_t overflow_user = 65534;

/// The process on the other side of a UNIX socket, where the kernel tells.
std::optional<ucred> credentials(int fd) {
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.pid == 0)
        return std::nullopt;
    return peer;
}

}  // namespace

bufferevent* ClientConnection::open(Front& front) {
    std::unique_ptr<ClientConnection> connection(new ClientConnection(front));
    bufferevent* evhttp_side =
        bufferevent_socket_new(front.loop_.base(), -1, BEV_OPT_CLOSE_ON_FREE);
    if (evhttp_side == nullptr) return nullptr;
    connection->evhttp_side_ = evhttp_side;
    connection->wait_for_request();
    front.connection_opened(std::move(connection));
    return evhttp_side;
}

ClientConnection::ClientConnection(Front& front)
    : front_(front),
      timer_(front.loop_, [this] { timed_out(); }),
      next_request_(front.loop_, [this] { read_head({}); }) {}

/// evhttp has given its bufferevent the descriptor by now, which is taken away from it again.
void ClientConnection::start() {
    fd_.reset(bufferevent_getfd(evhttp_side_));
    bufferevent_setfd(evhttp_side_, -1);
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    if (::getpeername(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &length) != 0) {
        lost();  // it is gone already
        return;
    }
    const bool is_ip = peer.ss_family == AF_INET || peer.ss_family == AF_INET6;
    name_peer(is_ip ? Address(reinterpret_cast<const sockaddr*>(&peer), length) : Address());
    if (!front_.admit(*this)) {
        lost();
        return;
    }
    front_.waits(*this, Waiting::first_byte);
    reader_.reset(
        event_new(front_.loop_.base(), fd_.get(), EV_READ | EV_PERSIST, on_readable, this));
    event_add(reader_.get(), nullptr);
}

bool ClientConnection::unused() const {
    return phase_ == Phase::idle && only_line_ends(rest());
}

bool ClientConnection::has_unread() const {
    int arrived = 0;
    return ::ioctl(fd_.get(), FIONREAD, &arrived) == 0 && arrived > 0;
}

/// Draining: a request that has arrived in the kernel is still answered, and a connection that was
/// accepted a moment ago may still send the request that it was opened for.
void ClientConnection::end_unused() {
    if (has_unread()) return;
    const TimePoint until = since() + first_request_grace;
    if (request_ == nullptr && coarse_now() < until) {
        timer_.set(until);
    } else {
        lost();
    }
}

// ---- between requests --------------------------------------------------------------------------

void ClientConnection::wait_for_request() {
    phase_ = Phase::idle;
    half_close_ = HalfClose::is_the_end;
    scanned_ = 0;
    head_begun_ = false;
    timer_.set_after(front_.timeouts_.client_idle);
}

/// Bytes of a head are here, but not all of it.
void ClientConnection::wait_for_rest() {
    if (!std::exchange(head_begun_, true)) timer_.set_after(front_.timeouts_.request_header);
    if (waiting() != Waiting::rest) front_.waits(*this, Waiting::rest);
}

/// Only empty lines are here, and no byte of a head yet: the connection is still idle.
void ClientConnection::stay_idle() {
    if (waiting() == Waiting::none)
        front_.waits(*this, request_ == nullptr ? Waiting::first_byte : Waiting::next);
    if (front_.draining_) end_unused();
}

void ClientConnection::keep(std::string_view bytes) {
    if (bytes.empty()) return;
    if (!received_) received_ = front_.lend();
    received_->add(bytes);
}

void ClientConnection::on_readable(evutil_socket_t, short, void* self) {
    static_cast<ClientConnection*>(self)->read();
}

void ClientConnection::read() {
    if (reading_ == Reading::spliced) {
        readable_ = true;
        if (observer_ != nullptr) observer_->on_client_body();
        return;
    }
    if (next_request_.scheduled()) return;
    std::size_t most = front_.scratch_.size();
    if (phase_ == Phase::busy || phase_ == Phase::finishing) {
        if (rest().size() >= front_.limits_.per_request_buffer) {
            adjust_reading();
            return;
        }
        most = std::min<std::size_t>(most, front_.limits_.per_request_buffer - rest().size());
    }
    const ssize_t length = ::recv(fd_.get(), front_.scratch_.data(), most, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const bool owes_reply = phase_ == Phase::busy || phase_ == Phase::finishing;
    if (length == 0 && owes_reply && half_close_ == HalfClose::allowed) {
        half_close_ = HalfClose::happened;
        set_reading(Reading::paused);
        if (observer_ != nullptr) observer_->on_client_end();
        return;
    }
    if (length <= 0) {
        lost();
        return;
    }
    arrived_ += static_cast<Bytes>(length);
    const std::string_view bytes(front_.scratch_.data(), static_cast<std::size_t>(length));
    switch (phase_) {
        case Phase::idle:
            read_head(bytes);
            return;
        case Phase::busy:
            keep(bytes);
            if (observer_ != nullptr) observer_->on_client_body();
            if (phase_ == Phase::busy) adjust_reading();
            return;
        case Phase::finishing:
            keep(bytes);
            adjust_reading();
            return;
        case Phase::lingering:
            if (waiting() != Waiting::rest) front_.waits(*this, Waiting::rest);
            return;
        case Phase::closed:
            return;
    }
}

/// More of a request's head has come, or may be there already. The bytes are copied only once.
void ClientConnection::read_head(std::string_view bytes) {
    if (!front_.proxy_protocol_) proxy_header_due_ = false;
    const bool in_place = rest().empty() && !proxy_header_due_;
    if (!in_place) keep(bytes);
    if (proxy_header_due_ && !read_proxy_header()) return;
    std::string_view all = in_place ? bytes : rest();
    if (all.empty()) return;
    all = all.substr(0, front_.request_limits_.header_bytes + 64);
    HeadScan scan = scan_request_head(all, scanned_, front_.request_limits_);
    if (!scan.refusal && scan.length == 0)
        scan.refusal = judge_request_line(all, scanned_, front_.request_limits_);
    if (!scan.refusal && scan.length == 0) {
        scanned_ = all.size();
        if (in_place) keep(bytes);
        if (only_line_ends(all)) {
            stay_idle();
        } else {
            wait_for_rest();
        }
        return;
    }
    if (!received_) received_ = front_.lend();
    received_->head.clear();
    refusal_ = scan.refusal;
    if (!refusal_) {
        received_->head_bytes.assign(all, scan.skip, scan.length);
        refusal_ =
            parse_request_head(received_->head_bytes, front_.request_limits_, received_->head);
    }
    if (refusal_ && begins_head_request(all)) received_->head.method = Method::head;
    const std::size_t used = scan.skip + scan.length;
    if (in_place) {
        keep(bytes.substr(used));
    } else {
        received_->take(used);
    }
    dispatch();
}

/// Takes the header with which a trusted proxy names its client. False when more of it is needed,
/// or the connection has been given up.
bool ClientConnection::read_proxy_header() {
    proxy_header_due_ = front_.is_trusted(peer_);
    if (!proxy_header_due_) return true;
    const ProxyHeader header = parse_proxy_header(rest().substr(0, max_proxy_header));
    switch (header.state) {
        case ParseState::incomplete:
            if (!rest().empty()) wait_for_rest();
            return false;
        case ParseState::malformed:
            front_.callbacks_.on_bad_proxy_header(peer_, header.reason);
            lost();
            return false;
        case ParseState::complete:
            break;
    }
    received_->take(header.length);
    head_begun_ = false;
    proxy_header_due_ = false;
    if (!header.client) return true;
    front_.forget_client(*this);
    name_peer(*header.client);
    if (front_.admit(*this)) return true;
    lost();
    return false;
}

void ClientConnection::name_peer(const Address& address) {
    peer_ = address;
    client_ = client_key(address);
}

std::string ClientConnection::peer_process() const {
    const auto peer = credentials(fd_.get());
    if (!peer) return {};
    if (peer->uid == overflow_user) return fmt::format("process {}", peer->pid);
    return fmt::format("process {} of user {}", peer->pid, peer->uid);
}

std::optional<uid_t> ClientConnection::peer_user() const {
    const auto peer = credentials(fd_.get());
    if (!peer || peer->uid == overflow_user) return std::nullopt;
    return peer->uid;
}

/// The first request of a connection is dispatched by evhttp, which believes to be busy with it
/// from then on, until the connection ends.
void ClientConnection::dispatch() {
    if (request_ != nullptr) {
        begin();
        return;
    }
    evbuffer_add(bufferevent_get_input(evhttp_side_), plain_request.data(), plain_request.size());
    front_.dispatching_ = this;
    bufferevent_data_cb on_read = nullptr;
    void* argument = nullptr;
    bufferevent_getcb(evhttp_side_, &on_read, nullptr, nullptr, &argument);
    on_read(evhttp_side_, argument);
}

void ClientConnection::timed_out() {
    switch (phase_) {
        case Phase::idle:
            if (!head_begun_ || proxy_header_due_) {
                lost();
                return;
            }
            refusal_ = {408, "the request header took too long"};
            received_->head.clear();
            if (begins_head_request(rest())) received_->head.method = Method::head;
            dispatch();
            return;
        case Phase::finishing:
            check_flush();
            return;
        case Phase::lingering:
            lost();
            return;
        case Phase::busy:
        case Phase::closed:
            return;
    }
}

// ---- during an exchange ------------------------------------------------------------------------

void ClientConnection::dispatched(evhttp_request* request) {
    request_ = request;
    peer_ip_ = peer_.is_ip() ? peer_.ip() : "unix";
    begin();
}

void ClientConnection::begin() {
    phase_ = Phase::busy;
    received_->body.begin(received_->head);
    as_sent_ = Framing::none;
    if (front_.answer_half_closed_) allow_half_close();
    timer_.cancel();
    front_.waits(*this, Waiting::none);
    front_.callbacks_.on_request(*this);
}

/// Bytes that nobody takes yet (of a body, or of pipelined requests) are only read up to the limit.
void ClientConnection::adjust_reading() {
    if (spliced_ || half_close_ == HalfClose::happened) return;
    const bool full = rest().size() >= front_.limits_.per_request_buffer;
    const bool wanted = !full || phase_ == Phase::idle || phase_ == Phase::lingering;
    set_reading(wanted ? Reading::buffered : Reading::paused);
}

void ClientConnection::set_reading(Reading wanted) {
    if (wanted == reading_) return;
    const Reading before = std::exchange(reading_, wanted);
    if (before == Reading::paused) {
        front_.hangups_->forget(fd_.get());
        event_add(reader_.get(), nullptr);
    }
    if (wanted == Reading::paused) {
        event_del(reader_.get());  // or it would fire without end
        front_.hangups_->watch(fd_.get(), this, half_close_ != HalfClose::is_the_end);
    }
}

void ClientConnection::drop_events() {
    if (reading_ == Reading::paused) front_.hangups_->forget(fd_.get());
    next_request_.cancel();
    reader_.reset();
    writer_.reset();
}

// ---- after an exchange -------------------------------------------------------------------------

void ClientConnection::finish(bool body_left) {
    observer_ = nullptr;
    if (spliced_) end_splicing();
    if (!front_.answer_half_closed_) half_close_ = HalfClose::is_the_end;
    keep_alive_ = keep_alive_ && !body_left;
    body_left_ = body_left;
    phase_ = Phase::finishing;
    if (queued() == 0) {
        complete();
    } else {
        await_flush();
    }
}

void ClientConnection::await_flush() {
    const TimePoint time = coarse_now();
    delivered_then_ = delivered();
    taken_at_ = time;
    pace_ = {};
    pace_.run(time, delivered_then_);
    timer_.set(time + std::min(front_.timeouts_.progress, Pace::step));
    front_.waits(*this, Waiting::client);
}

/// The reply is complete, but the client has not taken all of it.
void ClientConnection::check_flush() {
    const TimePoint time = coarse_now();
    const Bytes taken = delivered();
    if (taken > std::exchange(delivered_then_, taken)) taken_at_ = time;
    const bool below = pace_.is_below(front_.timeouts_.minimum_rate, time, taken);
    if (below && front_.callbacks_.on_too_slow) front_.callbacks_.on_too_slow();
    if (below || time - taken_at_ >= front_.timeouts_.progress) {
        lost();
        return;
    }
    timer_.set(time + std::min(front_.timeouts_.progress, Pace::step));
}

/// The reply has gone out: waits for the next request, or has evhttp end the connection.
void ClientConnection::complete() {
    if (!keep_alive_ && phase_ != Phase::lingering &&
        (body_left_ || !rest().empty() || has_unread())) {
        linger();
        return;
    }
    refusal_ = {};
    if (rest().empty()) front_.give_back(std::move(received_));
    if (!keep_alive_) {
        phase_ = Phase::closed;
        drop_events();
        timer_.cancel();
        evhttp_add_header(evhttp_request_get_output_headers(request_), "Connection", "close");
        evhttp_send_reply_end(request_);
        front_.connection_closed(*this);
        return;
    }
    wait_for_request();
    set_reading(Reading::buffered);
    if (front_.draining_ && unused()) {
        end_unused();
    } else if (!rest().empty()) {
        // Pipelined bytes are not seen again by themselves. One request of a pipeline a turn.
        next_request_.schedule();
    }
    front_.waits(*this, unused() ? Waiting::next : Waiting::none);
}

/// A close with unread bytes makes the kernel send a reset, which can destroy the reply on its way
/// (RFC 9112 §9.6).
void ClientConnection::linger() {
    phase_ = Phase::lingering;
    ::shutdown(fd_.get(), SHUT_WR);
    if (received_) received_->clear_input();
    set_reading(Reading::buffered);
    front_.waits(*this, Waiting::rest);
    timer_.set_after(linger_time);
}

void ClientConnection::abort(Abort how) {
    observer_ = nullptr;
    const bool looks_complete = as_sent_ == Framing::until_close;
    if (how == Abort::reset || (how == Abort::cut && looks_complete)) {
        // A reset at once: SO_LINGER would come after the FIN that evhttp sends before it closes.
        sockaddr nowhere{};
        nowhere.sa_family = AF_UNSPEC;
        ::connect(fd_.get(), &nowhere, sizeof nowhere);
    }
    lost();
}

/// The connection is over. The order matters: the exchange lets go first, then evhttp detaches the
/// request and frees its connection, then the request is freed; this object goes later in the turn.
void ClientConnection::lost() {
    if (phase_ == Phase::closed) return;
    phase_ = Phase::closed;
    timer_.cancel();
    drop_events();
    output_.reset();
    if (observer_ != nullptr) std::exchange(observer_, nullptr)->on_client_gone();
    attachment_.reset();
    bufferevent_event_cb on_end = nullptr;
    void* argument = nullptr;
    bufferevent_getcb(evhttp_side_, nullptr, nullptr, &on_end, &argument);
    on_end(evhttp_side_, gone, argument);
    if (request_ != nullptr) evhttp_send_reply_end(request_);
    front_.connection_closed(*this);
}

}  // namespace otto::http
