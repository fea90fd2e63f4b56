#pragma once

#include <chrono>
#include <cstdint>

#include <time.h>

namespace otto {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::steady_clock::time_point;

/// A count of bytes.
using Bytes = std::uint64_t;

/// The monotonic clock, in full resolution (about 25 ns a call).
inline TimePoint now() {
    return std::chrono::steady_clock::now();
}

/// The monotonic clock as of the kernel's last tick (1 to 10 ms old, about 5 ns a call): for
/// deadlines.
inline TimePoint coarse_now() {
    timespec ts{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return TimePoint(std::chrono::seconds(ts.tv_sec) + std::chrono::nanoseconds(ts.tv_nsec));
}

inline timeval to_timeval(Duration duration) {
    if (duration < Duration::zero()) duration = Duration::zero();
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(duration);
    const auto rest = std::chrono::ceil<std::chrono::microseconds>(duration - whole);
    return {.tv_sec = whole.count() + rest.count() / 1'000'000,
            .tv_usec = rest.count() % 1'000'000};
}

}  // namespace otto
