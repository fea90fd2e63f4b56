#include "fakes/clock.h"

#include <atomic>

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace {

std::atomic<std::int64_t> stepped_time{0};  // nanoseconds; 0: the clocks go by themselves

}  // namespace

/// In place of libc's.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
    const std::int64_t stepped = stepped_time.load(std::memory_order_relaxed);
    const bool monotonic = clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE;
    if (stepped == 0 || !monotonic)
        return static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
    *time = {.tv_sec = stepped / 1'000'000'000, .tv_nsec = stepped % 1'000'000'000};
    return 0;
}

namespace otto::fakes {

SteppedClock::SteppedClock() {
    stepped_time = now().time_since_epoch().count();
}

SteppedClock::~SteppedClock() {
    stepped_time = 0;
}

void SteppedClock::advance(Duration duration) {
    stepped_time += duration.count();
}

}  // namespace otto::fakes
