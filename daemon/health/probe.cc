#include "health/probe.h"

#include <cerrno>
#include <utility>

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
      start_(loop, [this] { start(); }),
      timer_(loop, [this] { timed_out(); }),
      silence_(loop, [this] { make_way(); }),
      connector_(loop, server_->addresses, server_->preferred(), *this) {
    start_.schedule();
}

Probe::~Probe() {
    disconnect();
}

void Probe::start() {
    if (server_->addresses.empty()) {
        finish({ProbeResult::Outcome::failed, "its name does not resolve", false});
    } else if (take_place()) {
        connect();
    } else if (server_->active() >= server_->connections->most()) {
        finish({ProbeResult::Outcome::skipped, "all its connections are in use", false});
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
    connect();
}

/// Once a probe is over, the server has its place back at once.
void Probe::disconnect() {
    silence_.cancel();
    if (stream_) stream_->shut_down();
    stream_.reset();
}

void Probe::connect() {
    share_time(connector_.left());
    connector_.go_on();
}

/// A share of the time for each address, so that one that swallows packets leaves some to the
/// others.
void Probe::share_time(std::size_t addresses) {
    const TimePoint begun = coarse_now();
    timer_.set(begun + (deadline_ - begun) / static_cast<Duration::rep>(addresses));
}

void Probe::next_address() {
    disconnect();
    if (connector_.next()) {
        connected_ = false;
        connect();
    } else {
        finish(std::move(failure_));
    }
}

void Probe::on_address_failed(int error_number) {
    const Address& address = connector_.address();
    if (connect_error(error_number, !address.is_ip()) == ConnectError::shortage) {
        failure_ = {ProbeResult::Outcome::inconclusive, error_text(error_number), false};
        connector_.skip_others();
        return;
    }
    note_failure(connect_failure_text(error_number, address), error_number == ECONNREFUSED);
    if (connector_.left() > 1) share_time(connector_.left() - 1);
}

void Probe::on_failed(int) {
    finish(std::move(failure_));
}

/// A connection that is not in the backlog yet has no place among the server's connections.
void Probe::on_backlog_full() {
    if (!server_->connections->limited()) slot_.release();
}

void Probe::on_retry() {
    if (slot_.of() != nullptr || take_place()) connector_.go_on();
}

void Probe::on_connected() {
    stream_ = connector_.take();
    stream_->observe(this);
    connected_ = true;
    heard_ = false;
    timer_.set(deadline_);
    const ServerConnections& connections = *server_->connections;
    if (!connections.limited() && !connections.serves_many())
        silence_.set_after(connections.serves_few() ? Duration::zero()
                                                    : ServerConnections::Answer::suspicious);
    begin();
}

void Probe::on_stream(bool, bool) {
    on_ready();
}

void Probe::make_way() {
    if (answer_.make_way(server_->connections, coarse_now())) server_->close_idle();
}

void Probe::heard() {
    if (std::exchange(heard_, true)) return;
    answer_.heard(slot_, coarse_now());
}

void Probe::timed_out() {
    if (waits_for_place_) {
        finish({ProbeResult::Outcome::skipped, "all its connections are in use", false});
        return;
    }
    if (!heard_ && !server_->connections->limited() &&
        server_->may_be_occupied(patience, coarse_now())) {
        finish({ProbeResult::Outcome::skipped, "requests in progress may occupy it", false});
        return;
    }
    const bool over = connected_ || connector_.left() <= 1;
    const bool backlog_full = connector_.backlog_full();
    std::string reason = backlog_full ? "its connection backlog was full for "
                         : connected_ ? "no response within "
                                      : "no connection within ";
    reason += text_of(timeout_);
    if (!connected_ && !backlog_full) reason += silence_cure(connector_.address());
    if (over) {
        finish({ProbeResult::Outcome::failed, std::move(reason), false});
    } else {
        give_up_address(std::move(reason));
    }
}

void Probe::answered(bool passed, std::string reason) {
    server_->set_preferred(connector_.index());
    finish({passed ? ProbeResult::Outcome::passed : ProbeResult::Outcome::failed, std::move(reason),
            false});
}

void Probe::give_up_address(std::string reason, bool refused) {
    note_failure(std::move(reason), refused);
    next_address();
}

void Probe::note_failure(std::string reason, bool refused) {
    // localhost's other address refuses as a rule, which explains nothing.
    const bool first = connector_.left() == server_->addresses.size();
    if (refused && !first && !failure_.refused) return;
    failure_ = {ProbeResult::Outcome::failed, std::move(reason), refused};
}

void Probe::finish(ProbeResult result) {
    timer_.cancel();
    connector_.cancel();
    disconnect();
    wants_.reset();
    answer_.end();
    slot_.release();
    result.connected = connected_;
    const OnDone done = std::move(on_done_);
    done(std::move(result));
}

}  // namespace otto
