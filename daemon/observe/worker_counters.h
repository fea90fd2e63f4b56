#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "observe/counters.h"
#include "observe/trace.h"

namespace otto::observe {

/// What a worker has counted. The worker alone writes, any thread reads, all relaxed: each number
/// is right by itself.
struct alignas(64) WorkerCounters {
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> replies[6]{};  // by the first digit of the status; [0] is unused
    std::atomic<std::uint64_t> retries{0};
    std::atomic<std::uint64_t> aborted{0};      // the client went away
    std::atomic<std::uint64_t> cut{0};          // a server broke off a reply
    std::atomic<std::uint64_t> connections{0};  // open now, of clients
    // The most since the control thread asked, which sets it back. A hint: relaxed.
    std::atomic<std::uint64_t> most_connections{0};
    std::atomic<std::uint64_t> queued{0};           // requests that wait for a place now
    std::atomic<std::uint64_t> queue_timeouts{0};   // 503 after such a wait
    std::atomic<std::uint64_t> queue_overflows{0};  // 503 since too many wait already
    std::atomic<std::uint64_t> pings_answered{0};
    std::atomic<std::int64_t> lag{0};  // nanoseconds from the last answered ping to its answer
    // Calls of Worker::apply that hold. Released, so that who sees it sees the load of servers as
    // it was then, too.
    std::atomic<std::uint64_t> applied{0};

    // For metrics alone.
    std::array<Counter, own_replies> own;  // Otto's own replies, by OwnReply
    Counter retries_denied;                // by the budget
    Counter accepted;                      // connections of clients, all so far
    std::array<Counter, 3> evicted;        // of them, closed to make room, by net::Waiting
    Counter refused;                       // of them, over limits.connectionsPerClient
    Counter slow_senders;                  // clients below timeouts.minimumRate that were ended
    Counter slow_readers;                  // the same of those that take their replies slowly
    Counter received;                      // bytes of requests' bodies
    Counter relayed;                       // bytes of replies' bodies, and of tunnels
    Histogram total;  // from a request's head to the end of its reply, without tunnels and streams
};

}  // namespace otto::observe
