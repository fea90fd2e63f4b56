#pragma once

#include <functional>

#include "event/loop.h"

namespace otto {

/// Work that must not be done within the current callback: it runs once, later in the same turn of
/// the loop, however often it was asked for, and costs no system call. Of the loop's thread.
/// Destroying it cancels it.
class Deferred {
  public:
    Deferred(const Loop& loop, std::function<void()> work);
    Deferred(const Deferred&) = delete;
    Deferred& operator=(const Deferred&) = delete;

    void schedule() { event_active(event_.get(), EV_TIMEOUT, 0); }

  private:
    static void fired(evutil_socket_t fd, short what, void* self);

    std::function<void()> work_;
    EventHandle event_;  // last: destroyed first
};

}  // namespace otto
