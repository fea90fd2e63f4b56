#pragma once

#include "base/time.h"

namespace otto {

/// What one callback may do for one connection before the others get their turn: so many bytes, or
/// half a millisecond, whichever comes first. Made for each callback; costs nothing unless
/// there is more to do than one step.
class Slice {
  public:
    explicit Slice(Bytes bytes = 256 * 1024) : left_(bytes) {}

    /// A step of that many bytes has been made. Whether another one may follow.
    bool spend(Bytes bytes) {
        if (bytes >= left_) return false;
        left_ -= bytes;
        const TimePoint time = now();
        if (end_ == TimePoint{}) end_ = time + max_time;
        return time < end_;
    }

  private:
    static constexpr Duration max_time = std::chrono::microseconds(500);

    Bytes left_;
    TimePoint end_{};  // measured from the end of the first step
};

}  // namespace otto
