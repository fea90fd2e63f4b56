#pragma once

#include <memory>
#include <vector>

#include <event2/event.h>

#include "base/handle.h"
#include "base/result.h"
#include "base/time.h"

namespace otto {

using EventHandle = std::unique_ptr<event, Deleter<event_free>>;

/// A place in a circular list of Loop's. Linked to itself while it is in none.
struct LoopLink {
    LoopLink() = default;
    ~LoopLink() { unlink(); }
    LoopLink(const LoopLink&) = delete;
    LoopLink& operator=(const LoopLink&) = delete;

    bool linked() const { return next != this; }
    void unlink();
    /// Puts `link`, which is in no list, before this one.
    void insert_before(LoopLink& link);

    LoopLink* next = this;
    LoopLink* before = this;
};

/// One thread's event loop. Everything made on it belongs to that thread; only Mailbox::post may be
/// called from others.
///
/// A turn is: wait for descriptors and timers, then run what they became active for, all at one
/// priority. No callback may keep the loop from its next turn. Work that goes on takes a Slice and
/// leaves the rest to a Deferred. Those run once a turn, after its descriptors, for 4 ms at most;
/// the rest of them come first in the turn after that. Of deadline timers, at most 128 fire in a
/// turn.
class Loop {
  public:
    /// With epoll's changelist, which saves system calls, and without libevent's locks.
    static Result<Loop> open();

    event_base* base() const { return base_.get(); }
    /// Runs until stop(); false when the kernel's interface failed.
    bool run();
    /// From within the loop: run() returns after the current callbacks.
    void stop();
    /// Closes a descriptor whose edge-triggered events have just been deleted, once the kernel has
    /// been told of that, in the next turn. Until then the changelist remembers the deletion by the
    /// descriptor's number: a level-triggered event on a new descriptor of that number would become
    /// edge-triggered.
    void close_later(UniqueFd fd) const;

  private:
    friend class Deferred;
    friend class Timer;

    /// What a turn has to do after its descriptors. An event on a timeout of zero runs it:
    /// event_active() would be served in the same turn, as long as anything goes on.
    struct Later {
        explicit Later(event_base* base);
        void arm();
        void run();
        /// Whether one more deadline timer may fire in this turn.
        bool take_timer();

        LoopLink tasks;      // scheduled since the last run
        LoopLink remaining;  // what the last run had no time for
        std::vector<UniqueFd> closing;
        std::vector<UniqueFd> closable;  // a turn has passed
        unsigned timers_left;
        bool armed = false;
        EventHandle event;  // last: destroyed first
    };

    explicit Loop(event_base* base);

    std::unique_ptr<event_base, Deleter<event_base_free>> base_;
    std::unique_ptr<Later> later_;
};

}  // namespace otto
