#pragma once

#include "base/time.h"

namespace otto::fakes {

/// While one exists, the monotonic clocks of this process stand still, for libevent and the
/// standard library, too: time passes by advance() alone. Link fakes/clock.cc. One at a time.
class SteppedClock {
  public:
    SteppedClock();
    ~SteppedClock();
    SteppedClock(const SteppedClock&) = delete;
    SteppedClock& operator=(const SteppedClock&) = delete;

    void advance(Duration duration);
};

}  // namespace otto::fakes
