#pragma once

#include <memory>

#include <event2/event.h>

#include "base/handle.h"
#include "base/result.h"
#include "base/time.h"

namespace otto {

/// One thread's event loop. Everything made on it belongs to that thread; only Mailbox::post may be
/// called from others.
class Loop {
  public:
    /// With epoll's changelist, which saves system calls, and without libevent's locks.
    static Result<Loop> open();

    event_base* base() const { return base_.get(); }
    /// Runs until stop(); false when the kernel's interface failed.
    bool run();
    /// From within the loop: run() returns after the current callbacks.
    void stop();

  private:
    explicit Loop(event_base* base) : base_(base) {}

    std::unique_ptr<event_base, Deleter<event_base_free>> base_;
};

using EventHandle = std::unique_ptr<event, Deleter<event_free>>;

}  // namespace otto
