#pragma once

#include <cstdint>

#include "control/crew.h"
#include "event/loop.h"
#include "event/timer.h"
#include "sd/notifier.h"

namespace otto::control {

/// Beats systemd's watchdog as long as every worker answers: a beat is sent only when each has
/// answered the ping that followed the last beat. Owned by Otto; control thread, whose own loop
/// withholds the beat, too, when it stands still.
class Watchdog {
  public:
    Watchdog(const Loop& loop, Notifier& notifier, const Crew& crew, Duration interval);

    /// The longest time that a worker took, or has been taking by now, to answer the last ping.
    Duration lag() const;

  private:
    void check();
    void ping_all();

    Notifier& notifier_;
    const Crew& crew_;
    const Duration interval_;
    std::uint64_t pings_ = 0;
    TimePoint last_beat_;
    bool reported_ = false;
    Timer timer_;
};

}  // namespace otto::control
