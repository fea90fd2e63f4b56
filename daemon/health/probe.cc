#include "health/probe.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/socket.h>

#include "base/connect_error.h"
#include "base/phrases.h"
#include "sd/connect_cure.h"

namespace otto {

namespace {

/// Where all that a server is known to serve at a time is in use, it need not answer a check as
/// long as it has sent something for so long ago.
constexpr Duration patience = std::chrono::seconds(30);

}  // namespace

std::string text_of(Duration duration) {
    if (duration % std::chrono::seconds(1) == Duration::zero())
        return std::to_string(duration / std::chrono::seconds(1)) + "s";
    return std::to_string(duration / std::chrono::milliseconds(1)) + "ms";
}

Probe::Probe(const Loop& loop, std::shared_ptr<Server> server, Duration timeout, OnDone on_done)
    : loop_(loop),
      server_(std::move(server)),
      timeout_(timeout),
      on_done_(std::move(on_done)),
      deadline_(coarse_now() + timeout),
      left_(server_->addresses.size()),
      timer_(loop, [this] { timed_out(); }),
      clock_(loop, [this] { clock_fired(); }) {
    failure_.reason = "its name does not resolve";
    if (left_ > 0) address_ = server_->preferred() % server_->addresses.size();
    if (take_place()) {
        open_next();
    } else if (server_->active() >= server_->connections->most()) {
        wants_.reset();
        result_ =
            ProbeResult{ProbeResult::Outcome::skipped, "all its connections are in use", false};
        timer_.set(coarse_now());
    } else {
        // An idle connection has the place, or one that is about to be closed.
        waits_for_place_ = true;
        server_->close_idle();
        timer_.set(deadline_);
    }
}

bool Probe::take_place() {
    if (!wants_) wants_.emplace(server_->connections, ServerConnections::Want::What::place);
    auto slot = ServerConnections::open(server_->connections, &*wants_);
    if (!slot) return false;
    slot_ = std::move(*slot);
    wants_.reset();
    return true;
}

void Probe::place_freed() {
    if (!waits_for_place_ || !take_place()) return;
    waits_for_place_ = false;
    deadline_ = coarse_now() + timeout_;
    open_next();
}

void Probe::disconnect() {
    watch_.reset();
    clock_.cancel();
    if (!fd_) return;
    ::shutdown(fd_.get(), SHUT_RDWR);  // the server has its place back at once
    loop_.close_later(std::move(fd_));
}

void Probe::open_next() {
    disconnect();
    while (left_ > 0 && !result_) {
        connected_ = false;
        const Address& address = server_->addresses[address_];
        if (open(address)) {
            // A share of the time for each address, so that one that swallows packets leaves some
            // to the others.
            const TimePoint begun = coarse_now();
            timer_.set(begun + (deadline_ - begun) / static_cast<Duration::rep>(left_));
            return;
        }
        address_ = (address_ + 1) % server_->addresses.size();
        --left_;
    }
    if (!result_) result_ = std::move(failure_);
    timer_.set(coarse_now());
}

/// False when there is no hope for this address.
bool Probe::open(const Address& address) {
    fd_.reset(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd_ &&
        (::connect(fd_.get(), address.get(), address.length()) == 0 || errno == EINPROGRESS)) {
        watch_.emplace(loop_, fd_.get(), Watch::Interest::any_edge, [this](Readiness) { ready(); });
        return true;
    }
    const int number = errno;
    fd_.reset();
    switch (connect_error(number, !address.is_ip())) {
        case ConnectError::not_yet:
            if (!server_->connections->limited()) slot_.release();  // it is not in the backlog yet
            retry_delay_ = next_connect_delay(retry_delay_);
            clock_.set_after(retry_delay_);
            return true;
        case ConnectError::shortage:
            result_ = ProbeResult{ProbeResult::Outcome::inconclusive, error_text(number), false};
            return false;
        case ConnectError::refused:
        case ConnectError::timed_out:
        case ConnectError::other:
            note_failure(connect_failure_text(number, address), number == ECONNREFUSED);
            return false;
    }
    return false;
}

void Probe::clock_fired() {
    if (!connected_) {
        if (fd_ || (slot_.of() == nullptr && !take_place())) return;
        if (open(server_->addresses[address_])) return;
        address_ = (address_ + 1) % server_->addresses.size();
        --left_;
        open_next();
        return;
    }
    if (answer_.make_way(server_->connections, coarse_now())) server_->close_idle();
}

void Probe::heard() {
    if (std::exchange(heard_, true)) return;
    answer_.heard(slot_, coarse_now());
}

void Probe::ready() {
    if (connected_) {
        on_ready();
        return;
    }
    int number = 0;
    socklen_t size = sizeof number;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &number, &size) != 0) number = errno;
    if (number != 0) {
        give_up_address(connect_failure_text(number, server_->addresses[address_]),
                        number == ECONNREFUSED);
        return;
    }
    connected_ = true;
    heard_ = false;
    timer_.set(deadline_);
    const ServerConnections& connections = *server_->connections;
    if (!connections.limited() && !connections.serves_many())
        clock_.set_after(connections.serves_few() ? Duration::zero()
                                                  : ServerConnections::Answer::suspicious);
    on_connected();
}

void Probe::timed_out() {
    if (result_) {
        finish(std::move(*result_));
        return;
    }
    if (waits_for_place_) {
        finish({ProbeResult::Outcome::skipped, "all its connections are in use", false});
        return;
    }
    if (!heard_ && !server_->connections->limited() &&
        server_->may_be_occupied(patience, coarse_now())) {
        finish({ProbeResult::Outcome::skipped, "requests in progress may occupy it", false});
        return;
    }
    const bool over = connected_ || left_ <= 1;
    const bool backlog_full = !connected_ && !fd_;
    std::string reason = backlog_full ? "its connection backlog was full for "
                         : connected_ ? "no response within "
                                      : "no connection within ";
    reason += text_of(timeout_);
    if (!connected_ && !backlog_full) reason += silence_cure(server_->addresses[address_]);
    if (over) {
        finish({ProbeResult::Outcome::failed, std::move(reason), false});
    } else {
        give_up_address(std::move(reason));
    }
}

void Probe::answered(bool passed, std::string reason) {
    server_->set_preferred(address_);
    finish({passed ? ProbeResult::Outcome::passed : ProbeResult::Outcome::failed, std::move(reason),
            false});
}

void Probe::give_up_address(std::string reason, bool refused) {
    note_failure(std::move(reason), refused);
    address_ = (address_ + 1) % server_->addresses.size();
    --left_;
    open_next();
}

void Probe::note_failure(std::string reason, bool refused) {
    // localhost's other address refuses as a rule, which explains nothing.
    const bool first = left_ == server_->addresses.size();
    if (refused && !first && !failure_.refused) return;
    failure_ = {ProbeResult::Outcome::failed, std::move(reason), refused};
}

void Probe::finish(ProbeResult result) {
    timer_.cancel();
    disconnect();
    wants_.reset();
    answer_.end();
    slot_.release();
    result.connected = connected_;
    const OnDone done = std::move(on_done_);
    done(std::move(result));
}

}  // namespace otto
