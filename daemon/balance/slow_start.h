#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/time.h"

namespace otto {

/// Who of the servers (by Server::id) is in since when, and how much of its share it is given: from
/// the time that it came in, its share grows linearly from a tenth to all of it, in `steps` equal
/// levels. Servers that grow at the same time take their steps together, so that a crowd of them
/// makes no more changes than one; for that, a first level may last up to twice as long. Pure, of
/// one thread.
class SlowStart {
  public:
    static constexpr unsigned steps = 10;

    /// How long the growing takes, also for those who have begun; 0: no time.
    void configure(Duration length);

    /// These servers are in now, and no others. Those that were not before begin to grow, unless
    /// `at_once`.
    void note(std::vector<std::uint64_t> in, TimePoint now, bool at_once);

    /// 1 to `steps`, in tenths of its share.
    unsigned level(std::uint64_t server, TimePoint now) const;
    /// Whether any server grows. As of the last note().
    bool growing() const { return !began_.empty(); }
    /// When the next levels are reached; nothing when no server grows.
    std::optional<TimePoint> next_step(TimePoint now) const;

  private:
    TimePoint first_step(TimePoint began) const;

    Duration length_{};
    Duration step_{1};
    std::vector<std::uint64_t> in_;                       // sorted
    std::unordered_map<std::uint64_t, TimePoint> began_;  // of those that grow
};

}  // namespace otto
