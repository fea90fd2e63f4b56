#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "event/loop.h"
#include "event/timer.h"
#include "proxy/worker.h"
#include "sd/notifier.h"

namespace otto {

/// Keeps systemd's watchdog content as long as every worker answers: a beat is sent only when each
/// has answered the ping that followed the last beat. Control thread; its own loop's standstill
/// withholds the beat, too.
class Watchdog {
  public:
    Watchdog(const Loop& loop, Notifier& notifier,
             const std::vector<std::unique_ptr<Worker>>& workers, Duration interval);

    /// The longest time that a worker took, or has been taking by now, to answer the last ping.
    Duration lag() const;

  private:
    void check();
    void ping_all();

    Notifier& notifier_;
    const std::vector<std::unique_ptr<Worker>>& workers_;
    const Duration interval_;
    std::uint64_t pings_ = 0;
    TimePoint last_beat_;
    bool reported_ = false;
    Timer timer_;
};

}  // namespace otto
