#include "loop.h"

#include <algorithm>
#include <array>

namespace exchanges {

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

void Loop::watch(int fd, std::uint32_t events, Watched& object) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &object;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

void Loop::change(int fd, std::uint32_t events, Watched& object) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &object;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) fail("epoll_ctl");
}

void Loop::unwatch(int fd) {
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) != 0) fail("epoll_ctl");
}

void Loop::turn(Duration most) {
    if (!timers_.empty()) most = std::min(most, timers_.begin()->first - Clock::now());
    const auto wait =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::max(most, Duration::zero()));
    const timespec timeout{wait.count() / 1'000'000'000, wait.count() % 1'000'000'000};
    std::array<epoll_event, 64> events{};
    const int count = epoll_pwait2(epoll_.get(), events.data(), events.size(), &timeout, nullptr);
    if (count < 0 && errno != EINTR) fail("epoll_pwait2");
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        static_cast<Watched*>(event.data.ptr)->on_ready(event.events);
    }
    run_timers();
    retired_.clear();
}

void Loop::run_timers() {
    const TimePoint time = Clock::now();
    while (!timers_.empty() && timers_.begin()->first <= time) {
        Timer& timer = *timers_.begin()->second;
        timer.cancel();
        timer.callback_();
    }
}

void Timer::set(Duration wait) {
    cancel();
    place_ = loop_.timers_.emplace(Clock::now() + wait, this);
}

void Timer::cancel() {
    if (!is_set()) return;
    loop_.timers_.erase(place_);
    place_ = loop_.timers_.end();
}

}  // namespace exchanges
