#include "http/client_connection.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "balance/affinity.h"
#include "http/proxy_protocol.h"

namespace otto::http {

namespace {

/// How long a client may go on sending after a reply that ends the connection.
constexpr Duration linger_time = std::chrono::seconds(2);
/// How long after it was accepted a connection may take to send its first request when draining.
constexpr Duration first_request_grace = std::chrono::milliseconds(250);
/// How long a connection is not watched while its first request is answered. Most of those that
/// carry one request are over by then, which saves the event.
constexpr Duration unwatched_time = std::chrono::milliseconds(10);
/// When to look for a reset that came with the last bytes of a request: epoll(7) reports both by
/// one edge, and the read of the bytes does not show the reset.
constexpr Duration reset_time = std::chrono::seconds(1);

/// These bytes belong to no request: empty lines before one are ignored (RFC 9112 §2.2). Some
/// clients send one after a body, long before their next request.
bool only_line_ends(std::string_view bytes) {
    return bytes.find_first_not_of("\r\n") == std::string_view::npos;
}

}  // namespace

ClientConnection::ClientConnection(Front& front, accept::Accepted accepted)
    : front_(front),
      stream_(front.loop_, std::move(accepted.fd)),
      evhttp_(std::move(accepted.evhttp)),
      timer_(front.loop_, [this] { timed_out(); }) {
    stream_.observe(this);
    name_peer(accepted.peer);
}

/// Reads at once: the request of a new connection has often come with it.
void ClientConnection::start() {
    if (!front_.admit(*this)) {
        lost();
        return;
    }
    read();
    if (phase_ != Phase::idle) return;
    stream_.watch();
    if (waiting() == Waiting::none && unused()) front_.waits(*this, Waiting::first_byte);
    if (!timer_.pending()) timer_.set_after(front_.timeouts_.client_idle);
}

bool ClientConnection::unused() const {
    return phase_ == Phase::idle && only_line_ends(rest());
}

/// Draining: a request that has arrived in the kernel is still answered, and a connection that was
/// accepted a moment ago may still send the request that it was opened for.
void ClientConnection::end_unused() {
    if (stream_.has_unread()) return;
    const TimePoint until = since() + first_request_grace;
    if (!evhttp_.dispatched() && coarse_now() < until) {
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
        front_.waits(*this, !evhttp_.dispatched() ? Waiting::first_byte : Waiting::next);
    if (front_.draining_) end_unused();
}

void ClientConnection::keep(std::string_view bytes) {
    if (bytes.empty()) return;
    if (!received_) received_ = front_.lend();
    received_->add(bytes);
}

void ClientConnection::on_stream(bool readable, bool writable) {
    if (writable && awaits_writable_) write_queued();
    if (phase_ == Phase::closed || stream_.reads_on_later()) return;
    if (std::exchange(next_due_, false)) {
        read_head({});
        read_on();
    } else if (readable) {
        read();
    }
}

/// Edges are reported once: what is there to be read is read in the next turn. A reset that came
/// with the last bytes shows only when they are read past.
void ClientConnection::read_on() {
    if (phase_ == Phase::closed || reading_ == Reading::paused || stream_.reads_on_later()) return;
    const bool expects_more =
        reading_ == Reading::buffered && stream_.readable() && expects_bytes();
    if (!stream_.quiet() || (expects_more && !stream_.untouched())) stream_.read_on_later();
}

/// More of a head, of a body, or of a tunnel.
bool ClientConnection::expects_bytes() const {
    if (phase_ == Phase::idle) return head_begun_;
    return phase_ == Phase::busy && received_->body.state() == BodyState::open;
}

/// The client is not read, or not read past the end of its request, but may have gone away.
void ClientConnection::check_hangup() {
    const bool ended = stream_.peer_ended() && half_close_ == HalfClose::is_the_end;
    if (ended || stream_.broken()) lost();
}

void ClientConnection::read() {
    switch (reading_) {
        case Reading::buffered:
            break;
        case Reading::spliced:
            if (observer_ != nullptr) observer_->on_client_body();
            return;
        case Reading::paused:
            check_hangup();
            return;
    }
    std::size_t most = front_.scratch_.size();
    if (phase_ == Phase::busy || phase_ == Phase::finishing) {
        if (rest().size() >= front_.limits_.per_request_buffer) {
            adjust_reading();
            return;
        }
        most = std::min<std::size_t>(most, front_.limits_.per_request_buffer - rest().size());
    }
    const ssize_t length = stream_.receive(front_.scratch_.data(), most);
    if (length < 0 && errno == EAGAIN) return;
    if (length < 0 && errno == EINTR) {
        read_on();
        return;
    }
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
            break;
        case Phase::busy:
            keep(bytes);
            if (observer_ != nullptr) observer_->on_client_body();
            if (phase_ == Phase::busy) adjust_reading();
            break;
        case Phase::finishing:
            keep(bytes);
            adjust_reading();
            break;
        case Phase::lingering:
            if (waiting() != Waiting::rest) front_.waits(*this, Waiting::rest);
            break;
        case Phase::closed:
            break;
    }
    read_on();
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

/// evhttp dispatches the first request of a connection.
void ClientConnection::dispatch() {
    if (!evhttp_.dispatched()) {
        evhttp_.dispatch();
        peer_ip_ = peer_.is_ip() ? peer_.ip() : "unix";
    }
    begin();
}

void ClientConnection::timed_out() {
    switch (phase_) {
        case Phase::idle:
            if (!head_begun_ || proxy_header_due_) {
                // A byte of urgent data hides from the loop what came behind it.
                if (stream_.readable() && !stream_.untouched()) {
                    timer_.set_after(front_.timeouts_.client_idle);
                    stream_.read_on_later();
                } else {
                    lost();
                }
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
            if (stream_.watched()) {
                check_hangup();
            } else {
                stream_.watch();
            }
            return;
        case Phase::closed:
            return;
    }
}

// ---- during an exchange ------------------------------------------------------------------------

void ClientConnection::begin() {
    phase_ = Phase::busy;
    received_->body.begin(received_->head);
    as_sent_ = Framing::none;
    if (front_.answer_half_closed_) allow_half_close();
    front_.waits(*this, Waiting::none);
    const bool whole = received_->body.state() == BodyState::complete;
    if (whole && !stream_.watched() && rest().empty() && !received_->head.upgrade) {
        timer_.set_after(unwatched_time);
    } else {
        stream_.watch();
        whole ? timer_.set_after(reset_time) : timer_.cancel();
    }
    front_.callbacks_.on_request(*this);
}

/// Bytes that nobody takes yet (of a body, or of pipelined requests) are only read up to the limit.
void ClientConnection::adjust_reading() {
    if (spliced_ || half_close_ == HalfClose::happened) return;
    const bool whole = received_ && received_->body.state() == BodyState::complete;
    if (phase_ == Phase::busy && whole && !timer_.pending()) timer_.set_after(reset_time);
    const bool full = rest().size() >= front_.limits_.per_request_buffer;
    const bool wanted = !full || phase_ == Phase::idle || phase_ == Phase::lingering;
    set_reading(wanted ? Reading::buffered : Reading::paused);
}

void ClientConnection::set_reading(Reading wanted) {
    const bool changed = wanted != std::exchange(reading_, wanted);
    stream_.watch();
    if (wanted != Reading::paused) {
        read_on();
    } else if (changed) {
        stream_.read_on_later();  // the last edge may have been that of a hang-up
    }
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
        (body_left_ || !rest().empty() || stream_.has_unread())) {
        linger();
        return;
    }
    refusal_ = {};
    if (rest().empty()) front_.give_back(std::move(received_));
    if (!keep_alive_) {
        phase_ = Phase::closed;
        timer_.cancel();
        evhttp_.end();
        front_.connection_closed(*this);
        return;
    }
    wait_for_request();
    set_reading(Reading::buffered);
    if (front_.draining_ && unused()) {
        end_unused();
    } else if (!rest().empty()) {
        // Pipelined bytes are not seen again by themselves. One request of a pipeline a turn.
        next_due_ = true;
        stream_.read_on_later();
    }
    front_.waits(*this, unused() ? Waiting::next : Waiting::none);
}

/// A close with unread bytes makes the kernel send a reset, which can destroy the reply on its way
/// (RFC 9112 §9.6).
void ClientConnection::linger() {
    phase_ = Phase::lingering;
    stream_.end_sending();
    if (received_) received_->clear_input();
    set_reading(Reading::buffered);
    front_.waits(*this, Waiting::rest);
    timer_.set_after(linger_time);
}

void ClientConnection::abort(Abort how) {
    observer_ = nullptr;
    const bool looks_complete = as_sent_ == Framing::until_close;
    if (how == Abort::reset || (how == Abort::cut && looks_complete)) stream_.reset();
    lost();
}

/// The connection is over. The order matters: the exchange lets go first, then evhttp ends the
/// connection; this object goes later in the turn, and the descriptor with it.
void ClientConnection::lost() {
    if (phase_ == Phase::closed) return;
    phase_ = Phase::closed;
    timer_.cancel();
    stream_.unwatch();
    output_.reset();
    if (observer_ != nullptr) std::exchange(observer_, nullptr)->on_client_gone();
    attachment_.reset();
    evhttp_.end();
    front_.connection_closed(*this);
}

}  // namespace otto::http
