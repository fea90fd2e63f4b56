#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/time.h"
#include "config/config.h"
#include "control/crew.h"

namespace otto::control {

/// The limit on connections of clients, and the records about it. Owned by Otto; control thread.
class Limits {
  public:
    explicit Limits(Crew& crew) : crew_(crew) {}

    void configure(const LimitsConfig& config);
    /// A worker has stopped accepting, or accepts again.
    void accept_paused(const std::string& reason);
    void accept_resumed();
    /// Once a second: logs that connections were closed. One record stands for all since the last.
    void tick(TimePoint now);

  private:
    Crew& crew_;
    std::size_t paused_ = 0;     // workers that do not accept
    std::uint64_t evicted_ = 0;  // connections, of which the log has a record
    std::uint64_t refused_ = 0;
    TimePoint logged_{};
};

}  // namespace otto::control
