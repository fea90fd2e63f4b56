#include "accept/connection_share.h"

#include <algorithm>
#include <utility>

namespace otto::accept {

std::uint64_t ConnectionShare::total() const {
    std::uint64_t sum = 0;
    for (const Worker& each : workers_) sum += each.open.load(std::memory_order_relaxed);
    return sum;
}

bool ConnectionShare::full(std::uint64_t expected) const {
    const std::uint64_t most = limit();
    if (most == 0) return false;
    std::uint64_t waiting = 0;
    for (const Worker& each : workers_) waiting += each.waiting.load(std::memory_order_relaxed);
    return total() >= most + waiting + expected;
}

std::uint64_t ConnectionShare::fewest() const {
    std::uint64_t least = UINT64_MAX;
    for (const Worker& each : workers_)
        least = std::min(least, each.open.load(std::memory_order_relaxed));
    return least;
}

std::size_t ConnectionShare::evicting(std::size_t own) const {
    std::size_t found = workers_.size();
    EvictionOrder::Rank lowest = EvictionOrder::nothing;
    for (std::size_t index = 0; index < workers_.size(); ++index) {
        const EvictionOrder::Rank rank = workers_[index].rank.load(std::memory_order_relaxed);
        if (rank > lowest || rank == EvictionOrder::nothing) continue;
        if (rank == lowest && index != own) continue;
        lowest = rank;
        found = index;
    }
    return found;
}

void ConnectionShare::on_asked(std::size_t worker, std::function<void()> call) {
    const std::lock_guard lock(mutex_);
    calls_[worker] = std::move(call);
}

void ConnectionShare::ask(std::size_t worker, Want want) {
    if (workers_[worker].asked.fetch_or(want, std::memory_order_acq_rel) != 0) return;
    const std::lock_guard lock(mutex_);
    if (calls_[worker]) calls_[worker]();
}

}  // namespace otto::accept
