#pragma once

#include <functional>

#include "event/loop.h"

namespace otto {

/// A deadline that is cheap to move: pushing it back only stores it, and the timer re-arms itself
/// when it fires early. A loop fires a bounded number of them in a turn. Of the loop's thread.
/// Destroying it cancels it; the callback may destroy it.
class Timer {
  public:
    Timer(const Loop& loop, std::function<void()> on_fire);
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// Fires once at `deadline`, by the coarse clock (up to a tick late), in place of any earlier
    /// request.
    void set(TimePoint deadline);
    void set_after(Duration delay) { set(coarse_now() + delay); }
    void cancel() { deadline_ = TimePoint::max(); }
    bool pending() const { return deadline_ != TimePoint::max(); }

  private:
    void arm();
    static void fired(evutil_socket_t fd, short what, void* self);

    Loop::Later& later_;
    std::function<void()> on_fire_;
    TimePoint deadline_ = TimePoint::max();  // max: none
    TimePoint armed_ = TimePoint::max();     // when the event fires; max: it is not pending
    EventHandle event_;                      // last: destroyed first
};

}  // namespace otto
