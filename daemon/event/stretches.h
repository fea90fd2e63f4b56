#pragma once

#include <deque>
#include <functional>

#include "event/deferred.h"
#include "event/loop.h"

namespace otto {

/// Work that grows with something, such as the number of servers or of waiting clients. It is done
/// on the loop's thread, in small steps, for at most about a millisecond per turn of the loop, so
/// that sockets and timers are served in between. Jobs take turns. Of the loop's thread; the
/// destructor drops what is left.
class Stretches {
  public:
    /// Does one step, which should take well below a millisecond. Returns false when the job is
    /// complete. May add jobs.
    using Job = std::function<bool()>;

    /// The length of a stretch. Its last step may exceed it.
    static constexpr Duration longest = std::chrono::milliseconds(1);

    explicit Stretches(const Loop& loop);

    /// The job begins in the next turn of the loop, never from here.
    void add(Job job);

  private:
    void work();

    std::deque<Job> jobs_;
    Deferred turn_;
};

}  // namespace otto
