#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "accesslog/writer.h"
#include "balance/server.h"
#include "base/time.h"
#include "config/config.h"
#include "event/loop.h"
#include "observe/worker_counters.h"

namespace otto {

/// What one worker counts and logs of its requests: counters, the metrics of servers, the access
/// log, and records of requests that failed. Owned by the worker, used on its thread; counters are
/// read by any.
class Ledger {
  public:
    using WorkerCounters = observe::WorkerCounters;

    /// Of worker number `index` of so many.
    Ledger(const Loop& loop, accesslog::Queue& access_log, unsigned index, unsigned workers);

    void configure(const AccessLogConfig& config) { access_writer_.configure(config); }

    WorkerCounters& counters() { return counters_; }
    const WorkerCounters& counters() const { return counters_; }
    /// Adds one to a counter that this worker alone writes.
    static void add(std::atomic<std::uint64_t>& counter) {
        counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    /// This worker's part of a server's metrics.
    ServerCounters& of(const Server& server) { return server.metrics->shard(index_, workers_); }

    /// Whether the times of a Trace are wanted.
    bool traces() const { return observe::metrics_compiled || logs_requests(); }
    /// Whether ended requests are logged.
    bool logs_requests() const { return access_writer_.enabled(); }

    void count_request() { add(counters_.requests); }
    /// So many connections of clients are open now.
    void count_connections(std::uint64_t open);
    void count_retry() { add(counters_.retries); }
    void count_queue_timeout() { add(counters_.queue_timeouts); }
    void count_queue_overflow() { add(counters_.queue_overflows); }
    /// A client was below timeouts.minimumRate: with what it sends, or with what it takes.
    void count_slow_client(bool sends) {
        (sends ? counters_.slow_senders : counters_.slow_readers).add();
    }
    /// Counts and logs a request that is over. `last`: the server that was asked last, or null.
    void ended(const Server* last, const accesslog::Ended& ended);
    /// Logs a request that failed by the fault of `server` (its URL, or "none"): `status` is what
    /// the client got, 0 when its connection was cut. In a flood some are only counted.
    void log_failure(std::string_view request_id, std::string_view server, unsigned status,
                     const std::string& text);

  private:
    const unsigned index_;
    const unsigned workers_;
    WorkerCounters counters_;
    accesslog::Writer access_writer_;
    TimePoint failures_from_{};  // of the current second of failure records
    unsigned failures_logged_ = 0;
    std::uint64_t failures_left_out_ = 0;
};

}  // namespace otto
