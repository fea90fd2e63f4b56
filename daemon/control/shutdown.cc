#include "control/shutdown.h"

#include <algorithm>

namespace otto::control {

namespace {

/// How long Otto goes on accepting at most.
constexpr Duration last_accepts_time = std::chrono::seconds(1);
/// It ends early when no connection is open and no request has come for so long.
constexpr Duration quiet_time = std::chrono::milliseconds(100);

}  // namespace

void Shutdown::begin(Duration limit, std::size_t workers, TimePoint now) {
    if (phase_ != Phase::running) {
        stop(false);
        return;
    }
    phase_ = Phase::last_accepts;
    deadline_ = now + limit;
    accept_until_ = now + std::min(limit, last_accepts_time);
    undrained_ = workers;
    checked_ = now;
    requests_ = callbacks_.traffic().requests;
    callbacks_.end_keep_alive();
}

std::optional<TimePoint> Shutdown::next() const {
    if (phase_ != Phase::last_accepts) return std::nullopt;
    return std::min(checked_ + quiet_time, accept_until_);
}

void Shutdown::advance(TimePoint now) {
    const auto due = next();
    if (!due || now < *due) return;
    const Traffic traffic = callbacks_.traffic();
    const bool quiet = traffic.requests == requests_ && traffic.connections == 0;
    checked_ = now;
    requests_ = traffic.requests;
    if (!quiet && now < accept_until_) return;
    phase_ = Phase::draining;
    callbacks_.drain();
}

void Shutdown::worker_drained() {
    if (--undrained_ == 0) stop(false);
}

void Shutdown::tick(TimePoint now) {
    const bool ending = phase_ == Phase::last_accepts || phase_ == Phase::draining;
    if (ending && now >= deadline_) stop(true);
}

void Shutdown::stop(bool late) {
    if (phase_ == Phase::stopped) return;
    phase_ = Phase::stopped;
    callbacks_.stop(late);
}

}  // namespace otto::control
