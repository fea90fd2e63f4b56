#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"

namespace otto::http {

/// Whether a client keeps up with `timeouts.minimumRate` in one direction: the average over the
/// last 30 seconds in which something was up to it. A value; time and bytes are arguments.
class Pace {
  public:
    /// How often is_below() should be called.
    static constexpr Duration step = std::chrono::seconds(5);

    /// From now on something is up to the client, which has moved `total` bytes so far.
    void run(TimePoint now, Bytes total);
    bool running() const { return running_; }
    /// What comes until the next run() does not count.
    void pause() { running_ = false; }
    /// While it runs: the client has moved `total` bytes. True when it is below `rate`, in bytes a
    /// second; 0 is no limit.
    bool is_below(Bytes rate, TimePoint now, Bytes total);

  private:
    std::array<Bytes, 6> moved_{};  // in the last steps
    std::uint8_t next_ = 0;
    std::uint8_t known_ = 0;
    bool running_ = false;
    TimePoint from_{};  // when the current step began
    Bytes total_ = 0;   // at that time
};

}  // namespace otto::http
