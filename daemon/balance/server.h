#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "balance/server_connections.h"
#include "balance/server_metrics.h"
#include "base/address.h"
#include "base/time.h"

namespace otto {

/// Whether a server may be given requests.
enum class Health : std::uint8_t { unknown, healthy, unhealthy };

const char* to_string(Health health);

/// A server that requests are sent to. It outlives snapshots: a reload that keeps its URL keeps the
/// object, and with it the health and the load. Shared between threads; the plain members never
/// change after construction.
class Server {
  public:
    /// `metrics`: those of the server that this one follows, or none.
    Server(std::string url, std::string host, std::string base_path, std::vector<Address> addresses,
           std::shared_ptr<ServerMetrics> metrics = nullptr);

    const std::uint64_t id = next_id();  // never used again for another
    const std::string url;               // the key
    const std::string host;              // for probes' Host field: "name:port"
    const std::string base_path;
    const std::vector<Address>
        addresses;  // of its name, in the order to try; never empty once resolved
    const std::shared_ptr<ServerMetrics> metrics;
    const std::shared_ptr<ServerConnections> connections = std::make_shared<ServerConnections>();

    Health health() const { return health_.load(std::memory_order_acquire); }
    /// Control thread: a verdict of the monitor.
    void set_health(Health health) { health_.store(health, std::memory_order_release); }
    /// Any thread: takes the server out at once. True for the one caller who made the change and
    /// must report it.
    bool take_out();

    /// Any worker: a connection came up, or did not. Counts failures in a row over all workers, and
    /// keeps the time of the last one; both relaxed.
    void note_connected() {
        if (connect_failures_.load(std::memory_order_relaxed) != 0)
            connect_failures_.store(0, std::memory_order_relaxed);
    }
    std::uint32_t note_connect_failure(TimePoint now) {
        connect_failed_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
        return connect_failures_.fetch_add(1, std::memory_order_relaxed) + 1;
    }
    /// Whether a connection failed after `time`, and none has come up since. Any thread, relaxed: a
    /// hint.
    bool unreachable_since(TimePoint time) const {
        return connect_failures_.load(std::memory_order_relaxed) != 0 &&
               connect_failed_.load(std::memory_order_relaxed) > time.time_since_epoch().count();
    }

    /// Index of the address that answered last; tried first. Any thread, relaxed: a hint.
    std::size_t preferred() const { return preferred_.load(std::memory_order_relaxed); }
    void set_preferred(std::size_t index) {
        preferred_.store(static_cast<std::uint32_t>(index), std::memory_order_relaxed);
    }

    /// Requests under way of all workers. Workers write (by way of Lease), any thread reads,
    /// relaxed: the number is right by itself, and orders nothing.
    std::uint32_t active() const { return load_.active.load(std::memory_order_relaxed); }
    /// Any worker: one request more, unless `most` are under way already (0: no limit). Each true
    /// is answered by one leave(); use Lease.
    bool enter(std::uint32_t most);
    void leave() { load_.active.fetch_sub(1, std::memory_order_relaxed); }

    /// Has every worker close idle connections to the server, as far as that is wanted
    /// (ServerConnections::Want). Any thread.
    void close_idle() const;

    /// Any worker: bytes of a response have come. Relaxed, as active().
    void note_heard(TimePoint now) {
        load_.heard.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    }
    /// Any worker: a response that may go on for hours began (`by` 1), or ended (-1).
    void count_stream(int by) {
        load_.streams.fetch_add(static_cast<std::uint32_t>(by), std::memory_order_relaxed);
    }
    /// Whether requests in progress may keep the server from answering another connection, as far
    /// as is known of how many it serves at a time. With more requests than that it is asked
    /// whether any bytes came within `patience`. Any thread.
    bool may_be_occupied(Duration patience, TimePoint now) const;
    /// Any worker: a request had no response in time, or no connection.
    void note_timeout() { timed_out_.store(true, std::memory_order_relaxed); }
    /// Control thread: whether one had since the last call.
    bool take_timeout() { return timed_out_.exchange(false, std::memory_order_relaxed); }

    /// Any worker: an attempt ended in an error, or in an answer. Counts errors in a row over all
    /// workers and tells how many there are now, relaxed; a success costs a plain load in the
    /// steady state.
    std::uint32_t note_error() { return errors_.fetch_add(1, std::memory_order_relaxed) + 1; }
    void note_success() {
        if (errors_.load(std::memory_order_relaxed) != 0)
            errors_.store(0, std::memory_order_relaxed);
    }

    /// Any worker: a response's head came `latency` after its request had begun. Kept as a peak-
    /// sensitive moving average, as in Finagle: a slower sample counts at once, faster ones bring
    /// it down over 10 s. Two relaxed atomics; an update that another worker overwrites, or a pair
    /// of which one is newer, does no harm.
    void note_latency(Duration latency, TimePoint now);
    /// The average as of `now`: it decays while there is no sample, so that a server that was slow
    /// is tried again. Zero when nothing is known (any more). Any thread.
    Duration latency(TimePoint now) const;

    /// Control thread: one request may probe whether the server, which is half-open, has recovered.
    /// A worker whose probe request came to no verdict offers it again.
    void offer_probe_request() { probe_request_.store(true, std::memory_order_release); }
    /// A hint. Any worker.
    bool offers_probe_request() const { return probe_request_.load(std::memory_order_relaxed); }
    /// Takes the offer: true for one caller. Any worker; the control thread does to withdraw it.
    bool take_probe_request() {
        return offers_probe_request() && probe_request_.exchange(false, std::memory_order_acq_rel);
    }

  private:
    // Each on a cache line of its own: what every request writes must not slow down the readers of
    // the rest.
    struct alignas(64) Load {
        std::atomic<std::uint32_t> active{0};
        std::atomic<std::uint32_t> streams{0};  // of them, tunnels and event streams
        std::atomic<std::int64_t> heard{0};     // nanoseconds of the clock; 0: never
    };
    struct alignas(64) Latency {
        std::atomic<std::int64_t> average{0};  // nanoseconds; 0: no sample yet
        std::atomic<std::int64_t> taken{0};    // when, as nanoseconds of the clock
    };

    static std::uint64_t next_id();

    std::atomic<Health> health_{
        Health::unknown};  // control writes; workers only healthy → unhealthy (take_out)
    std::atomic<bool> probe_request_{false};  // control sets; one worker takes it, or sets it again
    std::atomic<bool> timed_out_{false};
    std::atomic<std::uint32_t> preferred_{0};
    std::atomic<std::uint32_t> connect_failures_{0};
    std::atomic<std::int64_t> connect_failed_{0};  // when, as nanoseconds of the clock
    std::atomic<std::uint32_t> errors_{0};
    Load load_;
    Latency latency_;
};

}  // namespace otto
