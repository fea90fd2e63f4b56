#include "balance/server.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace otto {

namespace {

constexpr double decay_time = 10e9;  // nanoseconds in which an old sample loses all but 1/e

double weight_of_old(std::int64_t taken, TimePoint now) {
    const std::int64_t age = now.time_since_epoch().count() - taken;
    const double times = static_cast<double>(std::max<std::int64_t>(age, 0)) / decay_time;
    // Under traffic nearly always; right to five digits, and ten times as fast.
    if (times < 0.01) return 1 - times;
    return std::exp(-times);
}

}  // namespace

const char* to_string(Health health) {
    switch (health) {
        case Health::unknown:
            return "unknown";
        case Health::healthy:
            return "healthy";
        case Health::unhealthy:
            return "unhealthy";
    }
    return "";
}

Server::Server(std::string url_, std::string host_, std::string base_path_,
               std::vector<Address> addresses_, std::shared_ptr<ServerMetrics> metrics_)
    : url(std::move(url_)),
      host(std::move(host_)),
      base_path(std::move(base_path_)),
      addresses(std::move(addresses_)),
      metrics(metrics_ ? std::move(metrics_) : std::make_shared<ServerMetrics>()) {}

std::uint64_t Server::next_id() {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

bool Server::take_out() {
    Health expected = Health::healthy;
    return health_.compare_exchange_strong(expected, Health::unhealthy, std::memory_order_acq_rel,
                                           std::memory_order_acquire);
}

bool Server::enter(std::uint32_t most) {
    if (most == 0) {
        load_.active.fetch_add(1, std::memory_order_relaxed);
        return true;
    }
    // Never over the limit even for a moment, or another who would fit were turned away.
    std::uint32_t active = load_.active.load(std::memory_order_relaxed);
    while (active < most)
        if (load_.active.compare_exchange_weak(active, active + 1, std::memory_order_relaxed))
            return true;
    return false;
}

void Server::close_idle() const {
    if (ConnectionCalls* calls = connections->calls()) calls->close_idle(id);
}

bool Server::may_be_occupied(Duration patience, TimePoint now) const {
    if (connections->serves_many()) return false;
    const std::uint32_t served = std::max(connections->served(), 1u);
    if (load_.streams.load(std::memory_order_relaxed) >= served) return true;
    if (active() < served) return false;
    const Duration since_epoch = now.time_since_epoch();
    return (since_epoch - Duration(load_.heard.load(std::memory_order_relaxed))) < patience;
}

void Server::note_latency(Duration latency, TimePoint now) {
    const std::int64_t sample = std::max<std::int64_t>(latency.count(), 1);
    const std::int64_t old = latency_.average.load(std::memory_order_relaxed);
    std::int64_t average = sample;
    if (sample < old) {
        const double kept = weight_of_old(latency_.taken.load(std::memory_order_relaxed), now);
        average += static_cast<std::int64_t>(kept * static_cast<double>(old - sample));
    }
    latency_.average.store(average, std::memory_order_relaxed);
    latency_.taken.store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

Duration Server::latency(TimePoint now) const {
    const std::int64_t average = latency_.average.load(std::memory_order_relaxed);
    if (average == 0) return Duration::zero();
    const double kept = weight_of_old(latency_.taken.load(std::memory_order_relaxed), now);
    return Duration(static_cast<std::int64_t>(kept * static_cast<double>(average)));
}

}  // namespace otto
