#include "admin/sampler.h"

#include <array>
#include <numeric>
#include <utility>

#include "metrics/readings.h"

namespace otto::admin {

namespace {

/// Seconds that a sample looks back.
constexpr std::size_t window = 10;

/// What a sample is made of, so far.
struct Count {
    std::uint64_t requests = 0, errors = 0, retries = 0;
    std::array<std::uint64_t, observe::Histogram::buckets> latencies{};
};

/// What is kept of it: enough for differences, since none exceeds 32 bits in so short a time.
struct Kept {
    std::uint32_t requests = 0, errors = 0, retries = 0;
    std::array<std::uint32_t, observe::Histogram::buckets> latencies{};
};

constexpr std::uint32_t cut_off(std::uint64_t number) {
    return static_cast<std::uint32_t>(number);
}

Kept kept(const Count& count) {
    Kept kept{cut_off(count.requests), cut_off(count.errors), cut_off(count.retries), {}};
    for (std::size_t bucket = 0; bucket < kept.latencies.size(); ++bucket)
        kept.latencies[bucket] = cut_off(count.latencies[bucket]);
    return kept;
}

template <typename List>
std::uint64_t sum(const List& list) {
    return std::accumulate(list.begin(), list.end(), std::uint64_t{0});
}

Count count_of(const metrics::Totals& totals) {
    return {.requests = totals.requests,
            .errors = totals.replies[5] + totals.cut,
            .retries = totals.retries,
            .latencies = totals.total.counts};
}

Count count_of(const metrics::ServerTotals& totals) {
    const std::uint64_t failed =
        sum(totals.failed) - totals.failed[static_cast<std::size_t>(Failure::local)];
    return {.requests = sum(totals.replies) + sum(totals.failed),
            .errors = totals.replies[5] + totals.cut + failed,
            .retries = sum(totals.retried),
            .latencies = totals.total.counts};
}

}  // namespace

/// The counts of the last ticks, and the sample that they make.
class Sampler::History {
  public:
    explicit History(std::shared_ptr<const ServerMetrics> metrics) : metrics_(std::move(metrics)) {}

    /// `slot` is this tick's place in the ring, where that of `window` ticks ago is; `seconds` have
    /// passed since.
    void note(const Count& count, std::size_t slot, double seconds, std::uint64_t tick) {
        tick_ = tick;
        const Kept now = kept(count);
        const Kept then = std::exchange(seen_[slot], now);
        const auto rate = [seconds](std::uint32_t difference) {
            return seconds > 0 ? static_cast<double>(difference) / seconds : 0;
        };
        sample_ = {.requests = count.requests,
                   .errors = count.errors,
                   .retries = count.retries,
                   .requests_per_second = rate(now.requests - then.requests),
                   .errors_per_second = rate(now.errors - then.errors),
                   .retries_per_second = rate(now.retries - then.retries)};
        metrics::Latencies late;
        for (std::size_t bucket = 0; bucket < late.counts.size(); ++bucket)
            late.counts[bucket] = now.latencies[bucket] - then.latencies[bucket];
        if (late.count() == 0) return;
        sample_.p50 = late.percentile(0.5);
        sample_.p90 = late.percentile(0.9);
        sample_.p99 = late.percentile(0.99);
    }

    const Sample& sample() const { return sample_; }
    std::uint64_t tick() const { return tick_; }

  private:
    const std::shared_ptr<const ServerMetrics> metrics_;  // so that nothing else has its address
    std::array<Kept, window> seen_{};
    std::uint64_t tick_ = 0;
    Sample sample_;
};

Sampler::Sampler(const Control& control)
    : control_(control), total_(std::make_unique<History>(nullptr)) {}

Sampler::~Sampler() = default;

void Sampler::tick(TimePoint now) {
    if (times_.empty()) times_.assign(window, now - std::chrono::seconds(1));
    const std::size_t slot = ticks_++ % window;
    const double seconds = std::chrono::duration<double>(now - times_[slot]).count();
    times_[slot] = now;
    total_->note(count_of(control_.totals()), slot, seconds, ticks_);
    kept_.push_back(total());
    if (kept_.size() > most_kept) kept_.pop_front();
    for (const Member& member : control_.snapshot().members()) {
        const auto& metrics = member.server->metrics;
        const metrics::ServerTotals totals(*metrics);
        if (!totals.used) continue;
        std::unique_ptr<History>& history = servers_[metrics.get()];
        if (!history) history = std::make_unique<History>(metrics);
        history->note(count_of(totals), slot, seconds, ticks_);
    }
    std::erase_if(servers_, [this](const auto& each) { return each.second->tick() != ticks_; });
}

const Sample& Sampler::total() const {
    return total_->sample();
}

const Sample& Sampler::of(const Server& server) const {
    static const Sample none;
    const auto found = servers_.find(server.metrics.get());
    return found == servers_.end() ? none : found->second->sample();
}

}  // namespace otto::admin
