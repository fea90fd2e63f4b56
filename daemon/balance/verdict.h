#pragma once

#include "balance/server.h"

namespace otto {

/// Turns the results of checks into a health, with hysteresis: the first result decides at once,
/// afterwards only `healthy_after` passes or `unhealthy_after` failures in a row change it. Pure; a
/// plain value.
class Verdict {
  public:
    Health health() const { return health_; }
    /// How many results in a row contradict the health.
    unsigned streak() const { return streak_; }

    /// Takes a result into account; true when it changed the health.
    bool record(bool passed, unsigned healthy_after, unsigned unhealthy_after);

    /// Sets the health without a check, and restarts the count; true when it changed.
    bool decide(Health health);

  private:
    Health health_ = Health::unknown;
    unsigned streak_ = 0;
};

}  // namespace otto
