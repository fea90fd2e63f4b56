#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "balance/retry.h"
#include "base/time.h"

// The bench compiles the recording out to learn what it costs.
#ifndef OTTO_METRICS
#define OTTO_METRICS 1
#endif

namespace otto {

inline constexpr bool metrics_compiled = OTTO_METRICS != 0;

/// The class that a status is counted in: its first digit, but 5 for 600 to 999, which are taken
/// for errors of the server (RFC 9110 §15).
constexpr std::size_t reply_class(unsigned status) {
    return status < 600 ? status / 100 : 5;
}

/// A number for metrics that only grows. One thread writes, anybody reads, relaxed: each is right
/// by itself.
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

/// How long things took, in buckets from 100 µs to 60 s. One thread writes, anybody reads, relaxed:
/// a reader may see an observation in a bucket and not in the sum yet.
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

/// What one worker has counted of one server.
struct alignas(64) ServerCounters {
    std::array<Counter, 6> replies;              // by the first digit of the status; [0] is unused
    std::array<Counter, failure_kinds> failed;   // attempts, by Failure
    std::array<Counter, failure_kinds> retried;  // those of them that were tried again, likewise
    Counter cut;                                 // replies that the server broke off
    Counter over_header_bytes;                   // replies over limits.responseHeaderBytes
    Counter over_header_count;                   // replies over limits.responseHeaderCount
    Counter aborted;                             // the client went away while the server was asked
    Counter connections;                         // opened to it
    Counter sent;                                // bytes to it, heads included
    Counter received;                            // bytes from it, heads included
    Histogram head;                              // from the attempt's begin to the response's head
    Histogram total;                             // from the request's head to the end of its reply;
                                                 // tunnels and event streams are left out
};

/// The counters of one server: a shard for each worker that has used it, made at its first use.
/// Belongs to its Server; passed on to the Server that follows it when its name moves, so that
/// counters never go down while a server stays configured.
class ServerMetrics {
  public:
    ServerMetrics() = default;
    ~ServerMetrics();
    ServerMetrics(const ServerMetrics&) = delete;
    ServerMetrics& operator=(const ServerMetrics&) = delete;

    // The control thread writes these.
    Counter ejections;
    Counter ejections_denied;  // by ejection.maxPercent, or because no other server was left

    /// A worker's own shard. `workers`: how many there are; the same in all calls.
    ServerCounters& shard(unsigned worker, unsigned workers) {
        const Shards* shards = shards_.load(std::memory_order_acquire);
        if (shards != nullptr) {
            ServerCounters* mine = shards->each[worker].load(std::memory_order_relaxed);
            if (mine != nullptr) return *mine;
        }
        return make_shard(worker, workers);
    }

    /// Any thread: calls `visit` with each shard that there is.
    template <typename Visit>
    void for_each(const Visit& visit) const {
        const Shards* shards = shards_.load(std::memory_order_acquire);
        if (shards == nullptr) return;
        for (std::size_t at = 0; at < shards->count; ++at) {
            const ServerCounters* shard = shards->each[at].load(std::memory_order_acquire);
            if (shard != nullptr) visit(*shard);
        }
    }

  private:
    struct Shards {
        explicit Shards(std::size_t workers);
        ~Shards();
        Shards(const Shards&) = delete;
        Shards& operator=(const Shards&) = delete;
        std::size_t count;
        std::unique_ptr<std::atomic<ServerCounters*>[]> each;  // owned; the worker sets its own
    };

    ServerCounters& make_shard(unsigned worker, unsigned workers);

    std::atomic<Shards*> shards_{nullptr};  // owned; the first worker sets it, released
};

}  // namespace otto
