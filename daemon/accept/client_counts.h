#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

namespace otto::accept {

/// How many connections each client has, over all workers; used only while there is a limit on
/// that. Any thread.
class ClientCounts {
  public:
    /// Counts one more connection of a client (client_key()); how many it has now.
    std::uint32_t add(std::uint64_t client);
    void remove(std::uint64_t client);

    /// Remembers the address of a client that was refused, for the log.
    void note_refused(std::string address);
    std::string last_refused() const;

  private:
    struct alignas(64) Shard {
        std::mutex mutex;
        std::unordered_map<std::uint64_t, std::uint32_t> counts;
    };

    Shard& shard_of(std::uint64_t client) { return shards_[client % shards_.size()]; }

    std::array<Shard, 64> shards_;
    mutable std::mutex mutex_;  // guards last_refused_
    std::string last_refused_;
};

}  // namespace otto::accept
