#pragma once

#include <cstdint>

#include "base/time.h"

namespace otto {

/// Decides when the heap gives its free pages back to the system: some time after a crowd of
/// clients has left, and a few times more while what was kept for them is let go. At other times
/// they are worth more where they are. A pure decision; of the thread that asks.
class HeapTrim {
  public:
    /// `clients`: how many there are now; `most`: the most that there have been since the last
    /// call, which may have come and gone in between. True: trim_heap() is due. To be called every
    /// second or so.
    bool due(TimePoint now, std::uint64_t clients, std::uint64_t most);

  private:
    std::uint64_t most_clients_ = 0;  // since the last crowd left
    unsigned trims_left_ = 0;
    TimePoint next_{};
};

/// Gives the free pages of the heap back to the system. Takes milliseconds when there are many, in
/// which other threads may wait for memory.
void trim_heap();

}  // namespace otto
