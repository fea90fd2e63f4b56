#include "control/watchdog.h"

#include <algorithm>

#include <fmt/format.h>

#include "sd/journal.h"

namespace otto::control {

namespace {

/// Beats and checks in one watchdog interval: systemd asks for two, and more find a stuck worker
/// sooner.
constexpr int checks_per_interval = 4;

}  // namespace

Watchdog::Watchdog(const Loop& loop, Notifier& notifier, const Crew& crew, Duration interval)
    : notifier_(notifier),
      crew_(crew),
      interval_(interval),
      last_beat_(coarse_now()),
      timer_(loop, [this] { check(); }) {
    notifier_.watchdog();
    ping_all();
    timer_.set_after(interval_ / checks_per_interval);
}

void Watchdog::ping_all() {
    ++pings_;
    for (const auto& worker : crew_.workers()) worker->ping();
}

Duration Watchdog::lag() const {
    Duration longest{};
    for (const auto& worker : crew_.workers()) longest = std::max(longest, worker->lag());
    return longest;
}

void Watchdog::check() {
    timer_.set_after(interval_ / checks_per_interval);
    for (const auto& worker : crew_.workers()) {
        if (worker->counters().pings_answered.load(std::memory_order_relaxed) >= pings_) continue;
        if (!reported_ && coarse_now() - last_beat_ >= interval_ / 2) {
            reported_ = true;
            log(Priority::critical, &messages::worker_stuck,
                fmt::format(
                    "worker {} has not responded for {} ms; systemd will restart Otto",
                    worker->index(),
                    std::chrono::duration_cast<std::chrono::milliseconds>(coarse_now() - last_beat_)
                        .count()),
                {{"WORKER", std::to_string(worker->index())}});
        }
        return;
    }
    reported_ = false;
    last_beat_ = coarse_now();
    notifier_.watchdog();
    ping_all();
}

}  // namespace otto::control
