#include "balance/server_metrics.h"

namespace otto {

ServerMetrics::Shards::Shards(std::size_t workers)
    : count(workers), each(std::make_unique<std::atomic<ServerCounters*>[]>(workers)) {}

ServerMetrics::Shards::~Shards() {
    for (std::size_t at = 0; at < count; ++at)
        std::unique_ptr<ServerCounters>(each[at].load(std::memory_order_relaxed));
}

ServerMetrics::~ServerMetrics() {
    std::unique_ptr<Shards>(shards_.load(std::memory_order_acquire));
}

ServerCounters& ServerMetrics::make_shard(unsigned worker, unsigned workers) {
    Shards* shards = shards_.load(std::memory_order_acquire);
    if (shards == nullptr) {
        auto made = std::make_unique<Shards>(workers);
        if (shards_.compare_exchange_strong(shards, made.get(), std::memory_order_acq_rel,
                                            std::memory_order_acquire))
            shards = made.release();
    }
    auto mine = std::make_unique<ServerCounters>();
    ServerCounters& counters = *mine;
    shards->each[worker].store(mine.release(), std::memory_order_release);
    return counters;
}

}  // namespace otto
