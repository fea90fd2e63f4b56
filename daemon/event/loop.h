#pragma once

#include <memory>
#include <vector>

#include <event2/event.h>

#include "base/handle.h"
#include "base/result.h"
#include "base/time.h"

namespace otto {

using EventHandle = std::unique_ptr<event, Deleter<event_free>>;

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
    /// Closes a descriptor whose edge-triggered events have just been deleted, in the next turn.
    /// Until then the changelist remembers the deletion by the descriptor's number: a
    /// level-triggered event on a new descriptor of that number would become edge-triggered.
    void close_later(UniqueFd fd) const;

  private:
    struct Closing {
        std::vector<UniqueFd> fds;
        EventHandle timer;
    };

    explicit Loop(event_base* base);

    std::unique_ptr<event_base, Deleter<event_base_free>> base_;
    std::unique_ptr<Closing> closing_;
};

}  // namespace otto
