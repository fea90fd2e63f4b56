#include "health/monitor.h"

#include <algorithm>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "balance/verdict.h"
#include "base/phrases.h"
#include "event/timer.h"
#include "health/http_probe.h"
#include "health/tcp_probe.h"
#include "log/journal.h"

namespace otto {

namespace {

/// Probes at once. Each holds a file descriptor, and an answer is read within the control thread.
constexpr std::size_t max_in_flight = 256;
/// Checks of servers that are not healthy, beyond what the interval asks for.
constexpr int most_down_per_second = 200;

Duration part(Duration whole, double fraction) {
    return std::chrono::duration_cast<Duration>(whole * fraction);
}

}  // namespace

/// The record of one server.
struct Monitor::Watched {
    Watched(const Loop& loop, std::shared_ptr<Server> which, std::function<void()> on_due)
        : server(std::move(which)), due(loop, std::move(on_due)) {}

    std::shared_ptr<Server> server;
    Verdict verdict;
    std::string reason = "not checked yet";
    TimePoint since = coarse_now();  // its health is what it is
    std::string failure;             // of the last check that failed
    bool unreachable = false;        // no connection came up when it failed last
    bool queued = false;             // its probe is due, but others go first
    bool spread = false;             // has found its place within the interval
    TimePoint started;               // the last probe
    Timer due;                       // the next one
    std::unique_ptr<Probe> probe;
};

Monitor::Monitor(const Loop& loop, OnFlip on_flip, OnPassed on_passed)
    : loop_(loop),
      on_flip_(std::move(on_flip)),
      on_passed_(std::move(on_passed)),
      random_(std::random_device{}()) {}

Monitor::~Monitor() = default;

Monitor::Watched* Monitor::find(const Server& server) const {
    const auto found = watched_.find(&server);
    return found == watched_.end() ? nullptr : found->second.get();
}

void Monitor::watch(const std::vector<std::shared_ptr<Server>>& servers,
                    const HealthCheckConfig& config) {
    const HealthCheckConfig before = std::exchange(config_, config);
    auto previous = std::move(watched_);
    watched_.clear();
    watched_.reserve(servers.size());
    std::vector<Watched*> assumed;
    for (const std::shared_ptr<Server>& server : servers) {
        std::unique_ptr<Watched>& watched = watched_[server.get()];
        if (watched) continue;
        if (const auto known = previous.find(server.get()); known != previous.end()) {
            watched = std::move(known->second);
            previous.erase(known);
            keep(*watched, before, assumed);
        } else {
            watched = std::make_unique<Watched>(loop_, server, [this, key = server.get()] {
                enqueue(*find(*key));
                start_probes();
            });
            ++unsettled_;
            adopt(*watched, assumed);
        }
    }
    for (const auto& each : previous) {
        probing_.erase(each.second.get());
        if (each.second->verdict.health() == Health::unknown) --unsettled_;
        if (each.second->verdict.health() == Health::unhealthy) --down_;
    }
    start_probes();
    for (Watched* watched : assumed)
        decide(*watched, Health::healthy, is_off() ? "checks are off" : "assumed to be healthy");
}

void Monitor::adopt(Watched& watched, std::vector<Watched*>& assumed) {
    if (watched.server->addresses.empty()) {
        watched.reason = "its name is being resolved";
        return;
    }
    if (is_off() || config_.start_healthy) assumed.push_back(&watched);
    if (!is_off()) enqueue(watched);
}

void Monitor::keep(Watched& watched, const HealthCheckConfig& before,
                   std::vector<Watched*>& assumed) {
    if (watched.server->addresses.empty()) return;
    const bool was_off = before.type == HealthCheckConfig::Type::off;
    const Health health = watched.verdict.health();
    if (is_off() && !was_off) {
        stop_probe(watched);
        if (health == Health::unknown) {
            assumed.push_back(&watched);
        } else if (health != Health::healthy) {
            enqueue(watched);
        }
        return;
    }
    const bool idle = !watched.queued && !watched.probe;
    const bool starts = was_off && !is_off() && !watched.due.pending();
    const bool other =
        before.interval != config_.interval || before.down_interval != config_.down_interval;
    const bool moves = other && watched.due.pending();
    if (idle && (starts || moves))
        watched.due.set_after(part(interval_of(watched), random_.fraction()));
}

void Monitor::enqueue(Watched& watched) {
    if (watched.queued || watched.probe) return;
    watched.due.cancel();
    watched.queued = true;
    queue_.push_back(watched.server.get());
}

void Monitor::start_probes() {
    while (probing_.size() < max_in_flight && !queue_.empty()) {
        const auto found = watched_.find(queue_.front());
        queue_.pop_front();
        if (found != watched_.end() && found->second->queued) start_probe(*found->second);
    }
}

void Monitor::start_probe(Watched& watched) {
    watched.queued = false;
    watched.started = coarse_now();
    probing_.insert(&watched);
    auto on_done = [this, record = &watched](ProbeResult result) {
        probed(*record, std::move(result));
    };
    switch (config_.type) {
        case HealthCheckConfig::Type::http:
            watched.probe = std::make_unique<HttpProbe>(loop_, watched.server, config_, on_done);
            return;
        case HealthCheckConfig::Type::tcp:
        case HealthCheckConfig::Type::off:
            watched.probe =
                std::make_unique<TcpProbe>(loop_, watched.server, config_.timeout, on_done);
            return;
    }
}

void Monitor::stop_probe(Watched& watched) {
    watched.due.cancel();
    watched.queued = false;
    if (!watched.probe) return;
    watched.probe.reset();
    probing_.erase(&watched);
}

void Monitor::probed(Watched& watched, ProbeResult result) {
    watched.probe.reset();
    probing_.erase(&watched);
    using Outcome = ProbeResult::Outcome;
    // What requests met with counts only where checks do not get through.
    const bool timed_out = watched.server->take_timeout();
    if (result.outcome == Outcome::skipped && timed_out)
        result = {Outcome::failed, "requests to it time out", false};
    if (result.outcome == Outcome::skipped && log_debug_enabled())
        log(Priority::debug, nullptr,
            fmt::format("skipped the check of {}: {}", watched.server->url, result.reason));
    const bool passed = result.outcome == Outcome::passed;
    if (result.outcome == Outcome::failed) watched.unreachable = !result.connected;
    const bool decided = passed || result.outcome == Outcome::failed;
    if (decided) judge(watched, passed, std::move(result.reason));
    // By what it is now: the next check of one that is not healthy comes sooner.
    if (!is_off() || !passed) schedule(watched);
    start_probes();
    if (passed && !is_off() && on_passed_) on_passed_(*watched.server);
}

void Monitor::judge(Watched& watched, bool passed, std::string reason) {
    const Health before = watched.verdict.health();
    const unsigned passes = before == Health::unknown || is_off() ? 1 : config_.healthy_after;
    Verdict after = watched.verdict;
    if (after.record(passed, passes, config_.unhealthy_after)) {
        if (passed) reason = counted(passes, "check") + " passed";
        decide(watched, after.health(), std::move(reason));
    } else {
        watched.verdict = after;
        if (!passed && before == Health::unhealthy) watched.reason = reason;
        if (!passed) watched.failure = std::move(reason);
    }
}

void Monitor::place_freed() {
    const std::vector<Watched*> probing(probing_.begin(), probing_.end());
    for (Watched* watched : probing)
        if (watched->probe) watched->probe->place_freed();
}

/// Between two checks of this server.
Duration Monitor::interval_of(const Watched& watched) const {
    if (watched.verdict.health() == Health::healthy) return config_.interval;
    const Duration paced = down_ * (Duration(std::chrono::seconds(1)) / most_down_per_second);
    return std::min(config_.interval, std::max(config_.down_interval, paced));
}

void Monitor::schedule(Watched& watched) {
    // The first interval is of random length: servers that came together are probed apart from then
    // on.
    const double length = watched.spread ? 0.9 + 0.2 * random_.fraction() : random_.fraction();
    watched.spread = true;
    watched.due.set(watched.started + part(interval_of(watched), length));
}

void Monitor::taken_out(Server& server, const std::string& reason) {
    Watched* watched = find(server);
    if (watched == nullptr) return;
    if (watched->probe) stop_probe(*watched);
    watched->unreachable = true;
    const bool was_healthy = watched->verdict.health() == Health::healthy;
    decide(*watched, Health::unhealthy, reason);
    // One that was healthy is due in a whole interval.
    if (!watched->queued && (was_healthy || !watched->due.pending())) {
        watched->started = coarse_now();
        watched->spread = true;
        schedule(*watched);
    }
    start_probes();
}

void Monitor::answered(Server& server) {
    Watched* watched = find(server);
    if (watched == nullptr || !watched->unreachable) return;
    if (watched->verdict.health() != Health::unhealthy) return;
    decide(*watched, Health::healthy, "it answered a request");
}

void Monitor::unresolved(Server& server, const std::string& reason) {
    Watched* watched = find(server);
    if (watched != nullptr) decide(*watched, Health::unhealthy, reason);
}

void Monitor::decide(Watched& watched, Health health, std::string reason) {
    const Health before = watched.verdict.health();
    const bool changed = watched.verdict.decide(health);
    watched.reason = std::move(reason);
    watched.server->set_health(health);
    if (!changed) return;
    watched.since = coarse_now();
    if (before == Health::unknown) --unsettled_;
    if (before == Health::unhealthy) --down_;
    if (health == Health::unhealthy) ++down_;
    if (health == Health::unhealthy) watched.server->connections->forget();
    const std::shared_ptr<Server> server = watched.server;
    on_flip_({*server, before, health, watched.reason, before == Health::unknown});
}

Monitor::Report Monitor::report(const Server& server) const {
    const Watched* watched = find(server);
    if (watched == nullptr) return {};
    Report report{.reason = watched->reason, .since = watched->since, .failures = 0, .failure = ""};
    if (watched->verdict.health() == Health::healthy) {
        report.failures = watched->verdict.streak();
        if (report.failures > 0) report.failure = watched->failure;
    } else if (const unsigned passes = watched->verdict.streak(); passes > 0) {
        report.reason =
            fmt::format("the last check passed ({} of {})", passes, config_.healthy_after);
    }
    return report;
}

}  // namespace otto
