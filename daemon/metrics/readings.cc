#include "metrics/readings.h"

#include <algorithm>
#include <numeric>

namespace otto::metrics {

void Latencies::add(const observe::Histogram& histogram) {
    for (std::size_t bucket = 0; bucket < counts.size(); ++bucket)
        counts[bucket] += histogram.count(bucket);
    sum += histogram.sum();
}

std::uint64_t Latencies::count() const {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

Duration Latencies::percentile(double part) const {
    const double wanted = part * static_cast<double>(count());
    double before = 0;
    std::int64_t lower = 0;
    for (std::size_t bucket = 0; bucket < observe::Histogram::bounds.size(); ++bucket) {
        const auto here = static_cast<double>(counts[bucket]);
        const std::int64_t upper = observe::Histogram::bounds[bucket];
        if (here > 0 && before + here >= wanted) {
            const double into = static_cast<double>(upper - lower) * (wanted - before) / here;
            return Duration(lower + static_cast<std::int64_t>(into));
        }
        before += here;
        lower = upper;
    }
    return Duration(counts.back() == 0 ? 0 : lower);
}

void Totals::add(const WorkerCounters& counters) {
    const auto read = [](const std::atomic<std::uint64_t>& counter) {
        return counter.load(std::memory_order_relaxed);
    };
    requests += read(counters.requests);
    for (std::size_t digit = 0; digit < replies.size(); ++digit)
        replies[digit] += read(counters.replies[digit]);
    for (std::size_t kind = 0; kind < own.size(); ++kind) own[kind] += counters.own[kind].value();
    retries += read(counters.retries);
    retries_denied += counters.retries_denied.value();
    aborted += read(counters.aborted);
    cut += read(counters.cut);
    connections += read(counters.connections);
    accepted += counters.accepted.value();
    for (std::size_t at = 0; at < evicted.size(); ++at) evicted[at] += counters.evicted[at].value();
    refused += counters.refused.value();
    slow_senders += counters.slow_senders.value();
    slow_readers += counters.slow_readers.value();
    queued += read(counters.queued);
    queue_timeouts += read(counters.queue_timeouts);
    queue_overflows += read(counters.queue_overflows);
    received += counters.received.value();
    relayed += counters.relayed.value();
    total.add(counters.total);
}

ServerTotals::ServerTotals(const ServerMetrics& metrics) {
    metrics.for_each([this](const ServerCounters& shard) {
        used = true;
        for (std::size_t digit = 0; digit < replies.size(); ++digit)
            replies[digit] += shard.replies[digit].value();
        for (std::size_t kind = 0; kind < failed.size(); ++kind) {
            failed[kind] += shard.failed[kind].value();
            retried[kind] += shard.retried[kind].value();
        }
        cut += shard.cut.value();
        over_header_bytes += shard.over_header_bytes.value();
        over_header_count += shard.over_header_count.value();
        aborted += shard.aborted.value();
        connections += shard.connections.value();
        sent += shard.sent.value();
        received += shard.received.value();
        head.add(shard.head);
        total.add(shard.total);
    });
}

}  // namespace otto::metrics
