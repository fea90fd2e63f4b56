#include "event/timer.h"

#include <utility>

namespace otto {

Timer::Timer(const Loop& loop, std::function<void()> on_fire)
    : later_(*loop.later_),
      on_fire_(std::move(on_fire)),
      event_(event_new(loop.base(), -1, 0, fired, this)) {}

void Timer::set(TimePoint deadline) {
    deadline_ = deadline;
    if (armed_ > deadline_) arm();
}

void Timer::arm() {
    armed_ = deadline_;
    const timeval delay = to_timeval(deadline_ - coarse_now());
    event_add(event_.get(), &delay);
}

void Timer::fired(evutil_socket_t, short, void* self) {
    auto& timer = *static_cast<Timer*>(self);
    timer.armed_ = TimePoint::max();
    if (!timer.pending()) return;
    if (timer.deadline_ > coarse_now()) {
        timer.arm();
        return;
    }
    if (!timer.later_.take_timer()) {  // the next turn
        timer.arm();
        return;
    }
    timer.cancel();
    timer.on_fire_();
}

}  // namespace otto
