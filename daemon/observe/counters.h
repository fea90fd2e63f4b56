#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

// The bench compiles the recording out to learn what it costs.
#ifndef OTTO_METRICS
#define OTTO_METRICS 1
#endif

namespace otto::observe {

inline constexpr bool metrics_compiled = OTTO_METRICS != 0;

/// The class that a status is counted in: its first digit, but 5 for 600 to 999, which are taken
/// for errors of the server (RFC 9110 §15).
constexpr std::size_t reply_class(unsigned status) {
    return status < 600 ? status / 100 : 5;
}

/// A number for metrics that only grows. One thread writes, any thread reads, relaxed: each is
/// right by itself.
class Counter {
  public:
    void add(std::uint64_t amount = 1) {
        if constexpr (!metrics_compiled) return;
        value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

/// How long things took, in buckets from 100 µs to 60 s. One thread writes, any thread reads,
/// relaxed: a reader may see an observation in a bucket and not in the sum yet.
class Histogram {
  public:
    /// Upper bounds, inclusive, in nanoseconds; one bucket more is for what takes longer.
    static constexpr std::array<std::int64_t, 18> bounds{
        100'000,        250'000,        500'000,       1'000'000,     2'500'000,
        5'000'000,      10'000'000,     25'000'000,    50'000'000,    100'000'000,
        250'000'000,    500'000'000,    1'000'000'000, 2'500'000'000, 5'000'000'000,
        10'000'000'000, 30'000'000'000, 60'000'000'000};
    static constexpr std::size_t buckets = bounds.size() + 1;

    void observe(Duration took) {
        if constexpr (!metrics_compiled) return;
        const std::int64_t nanoseconds =
            std::max<std::int64_t>(0, std::chrono::nanoseconds(took).count());
        std::size_t at = 0;
        while (at < bounds.size() && nanoseconds > bounds[at]) ++at;
        counts_[at].add();
        sum_.add(static_cast<std::uint64_t>(nanoseconds));
    }

    /// How many fell into a bucket, and not into those before it.
    std::uint64_t count(std::size_t bucket) const { return counts_[bucket].value(); }
    /// Of all, in nanoseconds.
    std::uint64_t sum() const { return sum_.value(); }

  private:
    std::array<Counter, buckets> counts_;
    Counter sum_;
};

}  // namespace otto::observe
