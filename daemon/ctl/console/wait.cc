#include "ctl/console/wait.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>

namespace otto::ctl {

namespace {

constexpr Duration between_ticks = std::chrono::milliseconds(500);

}  // namespace

Wait::Wait(Patience patience)
    : patience_(std::move(patience)),
      deadline_(now() + patience_.most),
      next_tick_(now() + between_ticks) {}

Result<bool> Wait::poll_until(int fd, short events, TimePoint end) {
    for (;;) {
        const TimePoint time = now();
        if (time >= end) return false;
        const TimePoint next = patience_.tick ? std::min(end, next_tick_) : end;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - time).count();
        std::array<pollfd, 2> polled{{{.fd = fd, .events = events, .revents = 0},
                                      {.fd = patience_.stop, .events = POLLIN, .revents = 0}}};
        const int ready = ::poll(polled.data(), polled.size(),
                                 static_cast<int>(std::clamp<long long>(left, 0, 60'000)));
        if (ready < 0 && errno != EINTR) return Error::from_errno("cannot wait");
        if (ready > 0 && polled[1].revents != 0) return Error{"interrupted", EINTR};
        if (ready > 0 && polled[0].revents != 0) return true;
        if (patience_.tick && now() >= next_tick_) {
            patience_.tick();
            next_tick_ = now() + between_ticks;
        }
    }
}

Status Wait::until(int fd, short events) {
    const auto ready = poll_until(fd, events, deadline_);
    if (!ready) return ready.error();
    if (!*ready) return Error{"Otto did not respond in time", ETIMEDOUT};
    return {};
}

Status Wait::pause(Duration duration) {
    const TimePoint end = now() + duration;
    const auto waited = poll_until(-1, 0, std::min(end, deadline_));
    if (!waited) return waited.error();
    if (end > deadline_) return Error{"the time has run out", ETIMEDOUT};
    return {};
}

}  // namespace otto::ctl
