#pragma once

#include <functional>

#include "base/result.h"
#include "base/time.h"

namespace otto::ctl {

/// How long to wait for Otto, and what may happen meanwhile.
struct Patience {
    Duration most = std::chrono::seconds(30);
    int stop = -1;                 // once this descriptor is readable, nobody waits any longer
    std::function<void()> tick{};  // called every half second
};

/// One stretch of patience, which begins when it is made. Errors: ETIMEDOUT when it is over, EINTR
/// when it was stopped.
class Wait {
  public:
    explicit Wait(Patience patience);

    /// Until poll(2) reports one of `events`.
    Status until(int fd, short events);
    /// For so long.
    Status pause(Duration duration);

  private:
    /// False when `end` came first.
    Result<bool> poll_until(int fd, short events, TimePoint end);

    const Patience patience_;
    const TimePoint deadline_;
    TimePoint next_tick_;
};

}  // namespace otto::ctl
