#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "base/time.h"

namespace otto::control {

/// Beats systemd's watchdog as long as every worker answers: a beat is sent only when each has
/// answered the ping that followed the last beat. The control thread's own loop withholds the beat,
/// too, when it stands still. It has no timer: its owner calls check(). Owned by Otto; control
/// thread.
class Watchdog {
  public:
    struct Callbacks {
        std::function<void()> beat;
        /// Pings each worker.
        std::function<void()> ping;
        /// The index of a worker that has not answered the last ping.
        std::function<std::optional<unsigned>()> behind;
        /// This worker has been silent for half of the interval. Once, until it answers.
        std::function<void(unsigned worker, Duration silent)> on_stuck;
    };

    /// Beats and pings at once. `interval` is what systemd waits for a beat.
    Watchdog(Duration interval, Callbacks callbacks, TimePoint now);

    /// Beats, if each worker has answered.
    void check(TimePoint now);
    /// The time between two calls of check().
    Duration pause() const;

  private:
    void beat(TimePoint now);

    const Duration interval_;
    const Callbacks callbacks_;
    TimePoint last_beat_;
    bool reported_ = false;
};

}  // namespace otto::control
