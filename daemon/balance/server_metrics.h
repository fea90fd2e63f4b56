#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>

#include "balance/retry.h"
#include "observe/counters.h"

namespace otto {

/// What one worker has counted of one server.
struct alignas(64) ServerCounters {
    std::array<observe::Counter, 6> replies;  // by the first digit of the status; [0] is unused
    std::array<observe::Counter, failure_kinds> failed;  // attempts, by Failure
    std::array<observe::Counter, failure_kinds>
        retried;                         // those of them that were tried again, likewise
    observe::Counter cut;                // replies that the server broke off
    observe::Counter over_header_bytes;  // replies over limits.responseHeaderBytes
    observe::Counter over_header_count;  // replies over limits.responseHeaderCount
    observe::Counter aborted;            // the client went away while the server was asked
    observe::Counter connections;        // opened to it
    observe::Counter sent;               // bytes to it, heads included
    observe::Counter received;           // bytes from it, heads included
    observe::Histogram head;             // from the attempt's begin to the response's head
    observe::Histogram total;            // from the request's head to the end of its reply;
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
    observe::Counter ejections;
    observe::Counter
        ejections_denied;  // by ejection.maxPercent, or because no other server was left

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
