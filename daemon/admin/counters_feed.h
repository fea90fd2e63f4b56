#pragma once

#include <cstdint>
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

    /// Looks again: the data for those who have heard all so far.
    std::string next();
    /// The same for somebody who has heard nothing: as of the last next(), with each server that
    /// anything was ever asked of.
    std::string all() const;

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
    std::string with_rows(const std::string& rows) const;

    const Control& control_;
    std::uint64_t generation_ = 0;
    std::unordered_map<std::uint64_t, Row> said_;  // by Server::id; those missing are all zero
};

}  // namespace otto::admin
