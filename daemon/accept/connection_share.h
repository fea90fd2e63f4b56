#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "accept/client_counts.h"
#include "accept/eviction_order.h"

namespace otto::accept {

/// What the workers know of each other's connections, to share them evenly and to close the right
/// ones when there are too many. One per process; outlives the workers.
class ConnectionShare {
  public:
    explicit ConnectionShare(unsigned workers) : workers_(workers), calls_(workers) {}

    std::size_t workers() const { return workers_.size(); }

    /// The most connections of all together; 0: no limit. The control thread writes, workers read,
    /// relaxed.
    void set_limit(std::uint64_t limit) { limit_.store(limit, std::memory_order_relaxed); }
    std::uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
    /// As many connections as the limit allows cannot be closed, so that no other may come.
    /// `expected` of those that are open have just come, and do not count.
    bool full(std::uint64_t expected = 0) const;

    /// How many a worker has now; that worker alone calls this. Others read it as a hint.
    void publish_open(std::size_t worker, std::uint64_t open) {
        workers_[worker].open.store(open, std::memory_order_relaxed);
    }
    std::uint64_t total() const;
    std::uint64_t fewest() const;

    /// EvictionOrder::rank() and size() of a worker; that worker alone calls this.
    void publish_order(std::size_t worker, EvictionOrder::Rank rank, std::uint32_t size) {
        workers_[worker].rank.store(rank, std::memory_order_relaxed);
        workers_[worker].waiting.store(size, std::memory_order_relaxed);
    }
    /// The worker that has the connection to close first, `own` when several do; workers() when
    /// there is none.
    std::size_t evicting(std::size_t own) const;

    /// What ask() calls on the asking thread to have that worker make room; empty from the moment
    /// that it cannot any more.
    void on_asked(std::size_t worker, std::function<void()> call);
    /// Why a worker is asked to make room.
    enum Want : unsigned { below_limit = 1, descriptor = 2 };
    /// Asks a worker; it is called once until it calls answered().
    void ask(std::size_t worker, Want want);
    /// What the worker was asked for since it called this last: any of Want.
    unsigned answered(std::size_t worker) {
        return workers_[worker].asked.exchange(0, std::memory_order_acq_rel);
    }

    ClientCounts clients;  // for limits.connectionsPerClient

  private:
    struct alignas(64) Worker {
        std::atomic<std::uint64_t> open{0};
        std::atomic<EvictionOrder::Rank> rank{EvictionOrder::nothing};
        std::atomic<std::uint32_t> waiting{0};  // EvictionOrder::size()
        std::atomic<unsigned> asked{0};  // any of Want; set by who asks, cleared by the worker
    };

    std::vector<Worker> workers_;
    std::atomic<std::uint64_t> limit_{0};
    std::mutex mutex_;  // guards calls_: workers end one after the other
    std::vector<std::function<void()>> calls_;
};

}  // namespace otto::accept
