#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "balance/server_metrics.h"
#include "base/time.h"
#include "observe/trace.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

namespace otto::metrics {

/// observe::Histograms summed up.
struct Latencies {
    std::array<std::uint64_t, observe::Histogram::buckets> counts{};  // by bucket, each by itself
    std::uint64_t sum = 0;                                            // nanoseconds

    void add(const observe::Histogram& histogram);
    std::uint64_t count() const;
    /// The time that `part` (0 to 1) of them did not exceed, interpolated within its bucket; the
    /// greatest bound for what took longer than that, zero when there are none.
    Duration percentile(double part) const;
};

/// What all workers have counted together since Otto's start.
struct Totals {
    std::uint64_t requests = 0;
    std::array<std::uint64_t, 6> replies{};  // by the first digit of the status; [0] is unused
    std::array<std::uint64_t, observe::own_replies> own{};  // by OwnReply
    std::uint64_t retries = 0;
    std::uint64_t retries_denied = 0;  // by the budget
    std::uint64_t aborted = 0;
    std::uint64_t cut = 0;
    std::uint64_t connections = 0;  // open now
    std::uint64_t accepted = 0;
    std::array<std::uint64_t, 3> evicted{};  // by net::Waiting
    std::uint64_t slow_senders = 0;          // clients below timeouts.minimumRate
    std::uint64_t slow_readers = 0;
    std::uint64_t refused = 0;  // connections over limits.connectionsPerClient
    std::uint64_t queued = 0;   // now
    std::uint64_t queue_timeouts = 0;
    std::uint64_t queue_overflows = 0;
    std::uint64_t received = 0;  // bytes of bodies
    std::uint64_t relayed = 0;   // likewise
    Latencies total;

    void add(const WorkerCounters& counters);
};

/// What all workers have counted of one server.
struct ServerTotals {
    bool used = false;                       // by any worker, ever
    std::array<std::uint64_t, 6> replies{};  // by the first digit of the status; [0] is unused
    std::array<std::uint64_t, failure_kinds> failed{};   // attempts, by Failure
    std::array<std::uint64_t, failure_kinds> retried{};  // likewise
    std::uint64_t cut = 0;
    std::uint64_t over_header_bytes = 0;
    std::uint64_t over_header_count = 0;
    std::uint64_t aborted = 0;
    std::uint64_t connections = 0;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    Latencies head;
    Latencies total;

    /// Any thread.
    explicit ServerTotals(const ServerMetrics& metrics);
};

/// What /metrics tells besides what the servers themselves count, as of one moment. Gathered on the
/// control thread; a value.
struct Readings {
    /// What is known of a server elsewhere.
    struct Standing {
        bool ejected = false;
        double share = 0;  // of the requests, 0 to 1
    };
    using WallTime = std::chrono::system_clock::time_point;

    std::string version;
    WallTime started{};
    bool ready = false;
    bool draining = false;
    bool failing_open = false;
    std::uint64_t workers = 0;
    std::optional<Duration> watchdog_lag{};  // nothing without a watchdog
    bool changed = false;                    // there are changes made at run time
    bool reload_failed = false;              // the last one
    std::uint64_t reloads_done = 0;
    std::uint64_t reloads_failed = 0;
    WallTime last_load{};  // of a configuration that holds
    std::uint64_t access_log_dropped = 0;
    std::uint64_t journal_dropped = 0;
    std::uint64_t admin_requests = 0;
    std::uint64_t admin_evicted = 0;  // connections, closed to make room
    Totals totals{};
    std::shared_ptr<const Snapshot> snapshot;
    std::vector<Standing> standings{};  // of its members, in their order
};

}  // namespace otto::metrics
