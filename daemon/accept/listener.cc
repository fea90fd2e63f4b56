#include "accept/listener.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "event/slice.h"

namespace otto::accept {

namespace {

/// How long a worker that is ahead of its peers leaves new connections to them.
constexpr Duration yield_time = std::chrono::milliseconds(1);
/// How long accepting rests after the process ran out of something, and how long that must not have
/// happened to call it over.
constexpr Duration pause_time = std::chrono::milliseconds(100);
constexpr Duration quiet_time = std::chrono::seconds(5);
/// The limit on connections is reported when accepting rests for so long because of it, or when a
/// connection comes so soon after such a rest.
constexpr Duration full_time = std::chrono::milliseconds(100);
constexpr Duration soon = std::chrono::milliseconds(8);
/// Accepts that may fail in a row, each of which closes another connection.
constexpr unsigned most_accepts_failed = 4;

/// Connections that are accepted in one turn of the loop; the rest of the backlog waits for the
/// next.
constexpr unsigned max_accepted = 64;
/// What one new connection closes at most, so that workers that were over the limit get below it.
constexpr int most_evicted = 2;
/// How far beyond the limit the connections may be while another worker is asked to close some.
constexpr std::uint64_t most_over = 64;

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(const Loop& loop, Callbacks callbacks,
                                                 ConnectionShare& share, unsigned worker) {
    std::unique_ptr<Listener> listener(new Listener(loop, std::move(callbacks), share, worker));
    auto acceptor = Acceptor::open(loop, *listener);
    if (!acceptor) return acceptor.error();
    listener->acceptor_ = std::move(*acceptor);
    return listener;
}

Listener::Listener(const Loop& loop, Callbacks callbacks, ConnectionShare& share, unsigned worker)
    : callbacks_(std::move(callbacks)),
      share_(share),
      context_(loop, callbacks_.on_request, callbacks_.on_too_slow),
      arrivals_{.connections = context_,
                .on_bad_proxy_header = callbacks_.on_bad_proxy_header,
                .trusted_proxies = {}},
      table_(arrivals_, share, worker, *this),
      accept_again_(loop, [this] { resume_accepting(); }),
      quiet_(loop,
             [this] {
                 pause_reported_ = false;
                 callbacks_.on_accept_resumed();
             }),
      after_callbacks_(event_new(
          loop.base(), -1, 0,
          [](evutil_socket_t, short, void* self) {
              static_cast<Listener*>(self)->after_callbacks();
          },
          this)),
      start_rest_(loop, [this] { start_accepted(); }) {}

Listener::~Listener() {
    close_all();
}

Status Listener::listen(UniqueFd socket) {
    return acceptor_->listen(std::move(socket));
}

void Listener::configure(const Config& config) {
    context_.configure(config);
    arrivals_.proxy_protocol = config.proxy_protocol;
    arrivals_.trusted_proxies = config.trusted_proxies;
    table_.set_limit_per_client(config.limits.connections_per_client);
}

// ---- starting ----------------------------------------------------------------------------------

/// Reads from the connections that have been accepted, which begins many of their requests. Those
/// for which there is no time in this turn wait for the next.
void Listener::start_accepted() {
    Slice slice;
    while (table_.unstarted() > 0) {
        table_.start_next();
        if (table_.unstarted() > 0 && !slice.spend(1)) {
            start_rest_.schedule();
            return;
        }
    }
    accept_on();
}

/// What has been accepted has been started.
void Listener::accept_on() {
    if (!enough_accepted_ || table_.unstarted() > 0) return;
    enough_accepted_ = false;
    if (!accept_again_.pending()) acceptor_->set_accepting(true);
}

/// Later in the turn in which it was activated.
void Listener::after_callbacks() {
    if (!start_rest_.scheduled()) start_accepted();
    table_.free_ended();
    accepted_in_turn_ = 0;
    accept_on();
}

// ---- accepting ---------------------------------------------------------------------------------

/// Another process may take each descriptor that a closed connection frees, so a few of them must
/// do until the pause is over.
void Listener::on_accept_failed(int error_number) {
    const bool want_files = error_number == EMFILE || error_number == ENFILE;
    if (want_files && ++accepts_failed_ <= most_accepts_failed) {
        switch (table_.make_room(ConnectionShare::descriptor)) {
            case Room::made:
                return;
            case Room::asked:
                pause_accepting(yield_time);
                return;
            case Room::none:
                break;
        }
    }
    report_pause("out of file descriptors or memory", error_number);
    pause_accepting(pause_time);
}

void Listener::on_accepting() {
    accepts_failed_ = 0;
    table_.expect();
    callbacks_.on_connections(table_.open());
    ++accepted_in_turn_;
    if (coarse_now() - accepting_since_ < soon) report_full();
    if (!has_room()) {
        rest_full();
    } else if (ahead_of_peers()) {
        pause_accepting(yield_time);
    } else if (std::max<std::size_t>(accepted_in_turn_, table_.unstarted() + 1) >= max_accepted) {
        // The listener accepts for as long as there is a backlog, unless it is disabled. What is
        // not accepted yet is bounded by the kernel, and other workers may take it.
        enough_accepted_ = true;
        acceptor_->set_accepting(false);
    }
}

void Listener::on_accepted(Accepted accepted) {
    table_.add(std::move(accepted));
    event_active(after_callbacks_.get(), EV_READ, 0);
}

void Listener::on_vanished() {
    table_.vanished();
}

void Listener::on_ended() {
    event_active(after_callbacks_.get(), EV_READ, 0);
    callbacks_.on_connections(table_.open());
    if (full_) accept_soon();
}

void Listener::on_evicted(Waiting waiting) {
    if (callbacks_.on_evicted) callbacks_.on_evicted(waiting);
}

void Listener::on_refused() {
    if (callbacks_.on_refused) callbacks_.on_refused();
}

/// One shared listening socket wakes all workers, and the fastest would take a whole backlog. The
/// allowance keeps workers that are about even from yielding all the time, which costs system
/// calls.
bool Listener::ahead_of_peers() const {
    if (share_.workers() < 2) return false;
    const std::uint64_t fewest = share_.fewest();
    return table_.open() > fewest + 3 + fewest / 16;
}

void Listener::pause_accepting(Duration delay) {
    acceptor_->set_accepting(false);
    accept_again_.set_after(delay);
}

void Listener::resume_accepting() {
    if (context_.draining) return;
    accepts_failed_ = 0;
    set_full(!may_accept());
    if (full_) {
        if (coarse_now() - rested_since_ >= full_time) report_full();
        accept_again_.set_after(pause_time);
        return;
    }
    if (std::exchange(rested_, false)) accepting_since_ = coarse_now();
    acceptor_->set_accepting(true);
}

/// Accepting rests because of the limit. That is reported when it lasts, or when a connection comes
/// as soon as accepting goes on, so that it has waited. Otherwise it is no shortage: as many
/// clients as the limit allows may all have a request in progress for a moment.
void Listener::rest_full() {
    set_full(true);
    pause_accepting(pause_time);
}

void Listener::report_full() {
    report_pause("the limit on connections is reached", 0);
}

void Listener::report_pause(const char* reason, int error_number) {
    quiet_.set_after(quiet_time);
    if (std::exchange(pause_reported_, true)) return;
    callbacks_.on_accept_paused(reason, error_number);
}

// ---- the limit on connections ------------------------------------------------------------------

/// A new connection has come: gets below the limit, if possible. False when no further one may
/// come.
bool Listener::has_room() {
    const std::uint64_t limit = share_.limit();
    at_limit_ = limit != 0 && share_.total() >= limit;
    set_full(full_);
    if (!at_limit_) return true;
    // A connection that comes too late, after the last that could be closed has become busy at
    // another worker, is no reason to close one that is as new.
    if (share_.full(1)) {
        table_.close_idle(most_evicted);
        return callbacks_.on_full && callbacks_.on_full();
    }
    const Room room = table_.get_below_limit(most_evicted);
    if (room == Room::asked) return share_.total() <= limit + most_over;
    if (room == Room::none) return callbacks_.on_full && callbacks_.on_full();
    return may_accept();
}

/// Closes none by itself: only a new connection is a reason to close another.
bool Listener::may_accept() {
    return !share_.full() || (callbacks_.on_full && callbacks_.on_full());
}

/// When the last connection that could be closed stops to wait, no other may come: it would be too
/// many, and nothing but itself could be closed for it.
void Listener::on_room(bool more) {
    if (more && full_) accept_soon();
    const bool stops = at_limit_ && !full_ && !context_.draining && !callbacks_.on_full;
    if (stops && share_.full()) rest_full();
}

void Listener::set_full(bool full) {
    if (full && !full_) rested_since_ = coarse_now();
    rested_ = rested_ || full;
    full_ = full;
    table_.watch_room(full_ || at_limit_);
}

void Listener::accept_soon() {
    set_full(false);
    accept_again_.set_after({});
}

// ---- ending ------------------------------------------------------------------------------------

void Listener::drain(std::function<void()> on_empty) {
    acceptor_->settle();
    end_keep_alive();
    context_.draining = true;
    accept_again_.cancel();
    acceptor_->stop_listening();
    table_.drain(std::move(on_empty));
}

void Listener::close_all() {
    if (acceptor_) acceptor_->settle();
    table_.end_all();
}

}  // namespace otto::accept
