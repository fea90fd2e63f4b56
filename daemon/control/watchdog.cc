#include "control/watchdog.h"

namespace otto::control {

namespace {

/// Beats and checks in one watchdog interval: systemd asks for two, and more find a stuck worker
/// sooner.
constexpr int checks_per_interval = 4;

}  // namespace

Watchdog::Watchdog(Duration interval, Callbacks callbacks, TimePoint now)
    : interval_(interval), callbacks_(std::move(callbacks)) {
    beat(now);
}

Duration Watchdog::pause() const {
    return interval_ / checks_per_interval;
}

void Watchdog::beat(TimePoint now) {
    reported_ = false;
    last_beat_ = now;
    callbacks_.beat();
    callbacks_.ping();
}

void Watchdog::check(TimePoint now) {
    const std::optional<unsigned> behind = callbacks_.behind();
    if (!behind) {
        beat(now);
        return;
    }
    const Duration silent = now - last_beat_;
    if (reported_ || silent < interval_ / 2) return;
    reported_ = true;
    callbacks_.on_stuck(*behind, silent);
}

}  // namespace otto::control
