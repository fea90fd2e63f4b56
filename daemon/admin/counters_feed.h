#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "admin/control.h"
#include "admin/sampler.h"

namespace otto::admin {

/// The data of `counters` events: everything that counts, of all, and of each server of which
/// something differs from what was said last. Control thread.
class CountersFeed {
  public:
    explicit CountersFeed(const Control& control) : control_(control) {}

    /// Begins to look at all servers, for those who have heard all so far.
    void begin();
    /// The same for those who have heard nothing: as of the last such look, with each server that
    /// anything was ever asked of.
    void begin_all();
    /// Looks at some servers; false when it has seen all.
    bool step();
    /// The data.
    std::string take();
    /// The data of a `history` event: how the whole was in each of the last five minutes' seconds.
    std::string history() const;

  private:
    /// What is said of a server, as it is said: comparing these costs little.
    struct Row {
        std::int64_t requests = 0, errors = 0, retries = 0;  // per second, in tenths
        std::uint32_t active = 0;
        std::int64_t p50 = 0, p99 = 0;  // in 10 µs; 0: none

        bool operator==(const Row&) const = default;
    };

    static Row row_of(const Server& server, const Sample& sample);
    static void append(std::string& list, const std::string& id, const Row& row);
    void start(bool all);
    void look_at(const Server& server);

    const Control& control_;
    std::shared_ptr<const Snapshot> snapshot_;  // that is looked at
    std::size_t next_ = 0;                      // of its members
    bool all_ = false;
    std::string rows_;
    std::uint64_t generation_ = 0;
    std::unordered_map<std::uint64_t, Row> said_;  // by Server::id; those missing are all zero
};

}  // namespace otto::admin
