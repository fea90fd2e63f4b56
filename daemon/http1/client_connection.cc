#include "http1/client_connection.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "http1/parse_request.h"
#include "http1/request_line.h"

namespace otto::http1 {

using namespace http;

namespace {

/// How long a client may go on sending after a reply that ends the connection.
constexpr Duration linger_time = std::chrono::seconds(2);
/// How long a connection is not watched while its first request is answered. Most of those that
/// carry one request are over by then, which saves the event.
constexpr Duration unwatched_time = std::chrono::milliseconds(10);
/// When to look for a reset that came with the last bytes of a request: epoll(7) reports both by
/// one edge, and the read of the bytes does not show the reset.
constexpr Duration reset_time = std::chrono::seconds(1);

}  // namespace

ClientConnection::ClientConnection(net::ConnectionOwner& owner, net::ClientLink& link,
                                   ConnectionContext& context)
    : owner_(owner), link_(link), context_(context) {
    link_.stream.observe(this);
}

void ClientConnection::start(std::string_view bytes) {
    arrived_ = bytes.size();
    if (!bytes.empty()) read_head(bytes);
    read_on();
}

bool ClientConnection::unused() const {
    return phase_ == Phase::idle && only_line_ends(rest());
}

// ---- between requests --------------------------------------------------------------------------

void ClientConnection::wait_for_request() {
    phase_ = Phase::idle;
    half_close_ = HalfClose::is_the_end;
    scanned_ = 0;
    head_begun_ = false;
    link_.timer.set_after(context_.timeouts.client_idle);
}

/// Bytes of a head are here, but not all of it.
void ClientConnection::wait_for_rest() {
    if (!std::exchange(head_begun_, true)) link_.timer.set_after(context_.timeouts.request_header);
    if (owner_.waiting() != net::Waiting::rest) owner_.waits(net::Waiting::rest);
}

/// Only empty lines are here, and no byte of a head yet: the connection is still idle.
void ClientConnection::stay_idle() {
    if (owner_.waiting() == net::Waiting::none)
        owner_.waits(had_request() ? net::Waiting::next : net::Waiting::first_byte);
    if (context_.draining) owner_.end_unused();
}

void ClientConnection::keep(std::string_view bytes) {
    if (bytes.empty()) return;
    if (!received_) received_ = context_.lend();
    received_->add(bytes);
}

void ClientConnection::on_stream(bool readable, bool writable) {
    if (writable && awaits_writable_) write_queued();
    if (phase_ == Phase::closed || link_.stream.reads_on_later()) return;
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
    if (phase_ == Phase::closed || reading_ == Reading::paused || link_.stream.reads_on_later())
        return;
    const bool expects_more =
        reading_ == Reading::buffered && link_.stream.readable() && expects_bytes();
    if (!link_.stream.quiet() || (expects_more && !link_.stream.untouched()))
        link_.stream.read_on_later();
}

/// More of a head, of a body, or of a tunnel.
bool ClientConnection::expects_bytes() const {
    if (phase_ == Phase::idle) return head_begun_;
    return phase_ == Phase::busy && received_->body.state() == BodyState::open;
}

/// The client is not read, or not read past the end of its request, but may have gone away.
void ClientConnection::check_hangup() {
    const bool ended = link_.stream.peer_ended() && half_close_ == HalfClose::is_the_end;
    if (ended || link_.stream.broken()) lost();
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
    std::size_t most = context_.scratch.size();
    if (phase_ == Phase::busy || phase_ == Phase::finishing) {
        if (rest().size() >= context_.per_request_buffer) {
            adjust_reading();
            return;
        }
        most = std::min<std::size_t>(most, context_.per_request_buffer - rest().size());
    }
    const ssize_t length = link_.stream.receive(context_.scratch.data(), most);
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
    const std::string_view bytes(context_.scratch.data(), static_cast<std::size_t>(length));
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
            if (owner_.waiting() != net::Waiting::rest) owner_.waits(net::Waiting::rest);
            break;
        case Phase::closed:
            break;
    }
    read_on();
}

/// More of a request's head has come, or may be there already. The bytes are copied only once.
void ClientConnection::read_head(std::string_view bytes) {
    const bool in_place = rest().empty();
    if (!in_place) keep(bytes);
    std::string_view all = in_place ? bytes : rest();
    if (all.empty()) return;
    all = all.substr(0, context_.request_limits.header_bytes + 64);
    HeadScan scan = scan_request_head(all, scanned_, context_.request_limits);
    if (!scan.refusal && scan.length == 0)
        scan.refusal = judge_request_line(all, scanned_, context_.request_limits);
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
    if (!received_) received_ = context_.lend();
    received_->head.clear();
    received_->refusal = scan.refusal;
    if (!received_->refusal) {
        received_->head_bytes.assign(all, scan.skip, scan.length);
        received_->refusal =
            parse_request_head(received_->head_bytes, context_.request_limits, received_->head);
    }
    if (received_->refusal && begins_head_request(all)) received_->head.method = Method::head;
    const std::size_t used = scan.skip + scan.length;
    if (in_place) {
        keep(bytes.substr(used));
    } else {
        received_->take(used);
    }
    dispatch();
}

/// evhttp dispatches the first request of a connection.
void ClientConnection::dispatch() {
    if (!had_request()) {
        owner_.begin_first_request();
        peer_ip_ = link_.peer.is_ip() ? link_.peer.ip() : "unix";
    }
    begin();
}

void ClientConnection::timed_out() {
    switch (phase_) {
        case Phase::idle:
            if (!head_begun_) {
                // A byte of urgent data hides from the loop what came behind it.
                if (link_.stream.readable() && !link_.stream.untouched()) {
                    link_.timer.set_after(context_.timeouts.client_idle);
                    link_.stream.read_on_later();
                } else {
                    lost();
                }
                return;
            }
            received_->refusal = {408, "the request header took too long"};
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
            if (link_.stream.watched()) {
                check_hangup();
            } else {
                link_.stream.watch();
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
    if (context_.answer_half_closed) allow_half_close();
    owner_.waits(net::Waiting::none);
    const bool whole = received_->body.state() == BodyState::complete;
    if (whole && !link_.stream.watched() && rest().empty() && !received_->head.upgrade) {
        link_.timer.set_after(unwatched_time);
    } else {
        link_.stream.watch();
        whole ? link_.timer.set_after(reset_time) : link_.timer.cancel();
    }
    context_.on_request(*this);
}

/// Bytes that are not taken yet (of a body, or of pipelined requests) are read up to the limit.
void ClientConnection::adjust_reading() {
    if (spliced_ || half_close_ == HalfClose::happened) return;
    const bool whole = received_ && received_->body.state() == BodyState::complete;
    if (phase_ == Phase::busy && whole && !link_.timer.pending()) link_.timer.set_after(reset_time);
    const bool full = rest().size() >= context_.per_request_buffer;
    const bool wanted = !full || phase_ == Phase::idle || phase_ == Phase::lingering;
    set_reading(wanted ? Reading::buffered : Reading::paused);
}

void ClientConnection::set_reading(Reading wanted) {
    const bool changed = wanted != std::exchange(reading_, wanted);
    link_.stream.watch();
    if (wanted != Reading::paused) {
        read_on();
    } else if (changed) {
        link_.stream.read_on_later();  // the last edge may have been that of a hang-up
    }
}

// ---- after an exchange -------------------------------------------------------------------------

void ClientConnection::finish(bool body_left) {
    observer_ = nullptr;
    if (spliced_) end_splicing();
    if (!context_.answer_half_closed) half_close_ = HalfClose::is_the_end;
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
    Received::Flush& flush = received_->flush;
    flush = {.delivered = delivered(), .taken_at = time, .pace = {}};
    flush.pace.run(time, flush.delivered);
    link_.timer.set(time + std::min(context_.timeouts.progress, Pace::step));
    owner_.waits(net::Waiting::client);
}

/// The reply is complete, but the client has not taken all of it.
void ClientConnection::check_flush() {
    const TimePoint time = coarse_now();
    const Bytes taken = delivered();
    Received::Flush& flush = received_->flush;
    if (taken > std::exchange(flush.delivered, taken)) flush.taken_at = time;
    const bool below = flush.pace.is_below(context_.timeouts.minimum_rate, time, taken);
    if (below && context_.on_too_slow) context_.on_too_slow();
    if (below || time - flush.taken_at >= context_.timeouts.progress) {
        lost();
        return;
    }
    link_.timer.set(time + std::min(context_.timeouts.progress, Pace::step));
}

/// The reply has gone out: waits for the next request, or has evhttp end the connection.
void ClientConnection::complete() {
    if (!keep_alive_ && phase_ != Phase::lingering &&
        (body_left_ || !rest().empty() || link_.stream.has_unread())) {
        linger();
        return;
    }
    received_->refusal = {};
    if (rest().empty()) context_.give_back(std::move(received_));
    if (!keep_alive_) {
        phase_ = Phase::closed;
        link_.timer.cancel();
        owner_.over();
        return;
    }
    wait_for_request();
    set_reading(Reading::buffered);
    if (context_.draining && unused()) {
        owner_.end_unused();
    } else if (!rest().empty()) {
        // Pipelined bytes are not seen again by themselves. One request of a pipeline a turn.
        next_due_ = true;
        link_.stream.read_on_later();
    }
    owner_.waits(unused() ? net::Waiting::next : net::Waiting::none);
}

/// A close with unread bytes makes the kernel send a reset, which can destroy the reply on its way
/// (RFC 9112 §9.6).
void ClientConnection::linger() {
    phase_ = Phase::lingering;
    link_.stream.end_sending();
    if (received_) received_->clear_input();
    set_reading(Reading::buffered);
    owner_.waits(net::Waiting::rest);
    link_.timer.set_after(linger_time);
}

void ClientConnection::abort(Abort how) {
    observer_ = nullptr;
    const bool looks_complete = as_sent_ == Framing::until_close;
    if (how == Abort::reset || (how == Abort::cut && looks_complete)) link_.stream.reset();
    lost();
}

/// The connection is over. The order matters: the exchange lets go first, then evhttp ends the
/// connection, and the descriptor is closed later in the turn.
void ClientConnection::lost() {
    if (phase_ == Phase::closed) return;
    phase_ = Phase::closed;
    link_.timer.cancel();
    link_.stream.unwatch();
    output_.reset();
    if (observer_ != nullptr) std::exchange(observer_, nullptr)->on_client_gone();
    attachment_.reset();
    owner_.over();
}

}  // namespace otto::http1
