#include "accept/client_counts.h"

#include <utility>

namespace otto::accept {

std::uint32_t ClientCounts::add(std::uint64_t client) {
    Shard& shard = shard_of(client);
    const std::lock_guard lock(shard.mutex);
    return ++shard.counts[client];
}

void ClientCounts::remove(std::uint64_t client) {
    Shard& shard = shard_of(client);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.counts.find(client);
    if (found == shard.counts.end() || --found->second > 0) return;
    shard.counts.erase(found);
    if (shard.counts.empty()) shard.counts = {};  // the table of a flood is large
}

void ClientCounts::note_refused(std::string address) {
    const std::lock_guard lock(mutex_);
    last_refused_ = std::move(address);
}

std::string ClientCounts::last_refused() const {
    const std::lock_guard lock(mutex_);
    return last_refused_;
}

}  // namespace otto::accept
