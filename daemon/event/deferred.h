#pragma once

#include <functional>

#include "event/loop.h"

namespace otto {

/// Work for the next turn of the loop: it runs there once, however often it was scheduled, after
/// the callbacks of that turn's descriptors, in the order of scheduling (see Loop). What it
/// schedules itself waits for the turn after that. Of the loop's thread. Destroying it cancels it;
/// the work may destroy it.
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
