#pragma once

#include <functional>

#include "event/loop.h"

namespace otto {

/// Work that must wait until the others have had their turn: it runs once, however often it was
/// scheduled, in the next turn of the loop, or after the descriptors of this one (see Loop); in
/// the order of scheduling. What is scheduled by deferred work waits for the next turn. Of the
/// loop's thread. Destroying it cancels it; the work may destroy it.
class Deferred : private LoopLink {
  public:
    Deferred(const Loop& loop, std::function<void()> work);
    Deferred(const Deferred&) = delete;
    Deferred& operator=(const Deferred&) = delete;

    void schedule();
    void cancel() { unlink(); }
    bool scheduled() const { return linked(); }

  private:
    friend class Loop;

    Loop::Later& later_;
    std::function<void()> work_;
};

}  // namespace otto
