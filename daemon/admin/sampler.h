#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "admin/control.h"
#include "balance/server.h"
#include "base/time.h"

namespace otto::admin {

/// How it goes lately, of one server or of all. Rates and percentiles are those of the last 10 s;
/// latencies count from a request's head to its reply's end, zero when there was no request.
///
/// | of      | requests              | errors                                        |
/// |---------|-----------------------|-----------------------------------------------|
/// | all     | of clients            | replies of 500 and up, replies that were cut  |
/// | a server| that it was asked     | the same of its own, and failed attempts      |
///
/// Ejections go by some of these errors only (EjectionConfig::statuses).
struct Sample {
    std::uint64_t requests = 0, errors = 0, retries = 0;  // so far
    double requests_per_second = 0, errors_per_second = 0, retries_per_second = 0;
    Duration p50{}, p90{}, p99{};
};

/// Looks at the counters once a second and remembers what it saw for 10 s, which gives rates and
/// percentiles of late. Those of all servers together are kept for five minutes. Servers that
/// nothing was ever asked of cost next to nothing. Owned by Otto; control thread.
class Sampler {
  public:
    /// `control` outlives it.
    explicit Sampler(const Control& control);
    ~Sampler();
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    /// To be called once a second.
    void tick(TimePoint now);

    const Sample& total() const;
    /// What total() was at the last `most_kept` ticks, the oldest first.
    const std::deque<Sample>& history() const { return kept_; }
    static constexpr std::size_t most_kept = 300;
    /// All zero for a server that was never asked, or that there was no tick for.
    const Sample& of(const Server& server) const;

  private:
    class History;

    const Control& control_;
    std::uint64_t ticks_ = 0;
    std::vector<TimePoint> times_;  // of the last ticks, in a ring
    std::unique_ptr<History> total_;
    std::deque<Sample> kept_;
    // By what outlives a server whose name moves.
    std::unordered_map<const ServerMetrics*, std::unique_ptr<History>> servers_;
};

}  // namespace otto::admin
