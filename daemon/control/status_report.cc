#include "control/status_report.h"

#include <utility>

#include <fmt/format.h>

#include "base/phrases.h"

namespace otto::control {

namespace {

/// How long the status mentions that the queue was full.
constexpr Duration of_late = std::chrono::seconds(10);

/// "3/5 servers healthy (1 ejected, 1 drained)".
std::string who_is_healthy(const StatusFacts& facts) {
    std::string more;
    const auto add = [&more](std::size_t count, std::string_view what) {
        if (count == 0) return;
        more += fmt::format("{}{} {}", more.empty() ? " (" : ", ", count, what);
    };
    add(facts.service.ejected, "ejected");
    add(facts.draining, "drained");
    add(facts.service.disabled, "disabled");
    return fmt::format("{}/{} servers healthy{}{}", facts.healthy, facts.service.total, more,
                       more.empty() ? "" : ")");
}

}  // namespace

std::string status_line(const StatusFacts& facts) {
    const admin::ServiceFacts& service = facts.service;
    const std::string connections = counted(service.connections, "connection");
    if (service.draining) return fmt::format("Draining: {} left", connections);
    std::string line = fmt::format("{}, {:.0f} requests/s, {}", who_is_healthy(facts),
                                   service.requests_per_second, connections);
    if (service.failing_open) line += "; failing open";
    if (service.no_server) line += fmt::format("; {}, answering 503", facts.why_unavailable);
    for (const std::string& note : admin::verdict_of(service).notes) line += "; " + note;
    return line;
}

StatusFacts StatusReport::facts(const admin::Sample& rates) const {
    const Snapshot& snapshot = *from_.servers.snapshot();
    const Rotation& rotation = from_.servers.rotation();
    StatusFacts facts{
        .service = {.draining = !from_.shutdown.running(),
                    .connections = from_.crew.connections(),
                    .total = snapshot.members().size(),
                    .ejected = rotation.ejections().count(),
                    .failing_open = rotation.service() == Rotation::Service::failing_open,
                    .no_server = rotation.service() == Rotation::Service::none,
                    .requests_per_second = rates.requests_per_second,
                    .errors_per_second = rates.errors_per_second,
                    .queue_full = overflowed_ != TimePoint{} && now() - overflowed_ < of_late,
                    .access_log_bad = from_.access_log->bad(),
                    .file_error = from_.reloader.trouble(),
                    .changes = from_.changes.note(),
                    .port = from_.ports.difference()},
        .why_unavailable = why_unavailable(snapshot.pools.front())};
    admin::ServiceFacts& service = facts.service;
    for (const Member& member : snapshot.members()) {
        const Health health = member.server->health();
        const bool disabled = member.state == ServerState::disabled;
        const bool drained = member.state == ServerState::drain ||
                             (member.state == ServerState::active && member.weight == 0);
        if (health == Health::healthy) ++facts.healthy;
        if (member.state == ServerState::drain) ++facts.draining;
        if (snapshot.candidates().share_of(*member.server) > 0) ++service.receiving;
        if (drained) ++service.drained;
        if (disabled) ++service.disabled;
        if (drained || disabled) continue;
        if (health == Health::unhealthy) ++service.unhealthy;
        if (health == Health::unknown) ++service.unknown;
    }
    return facts;
}

void StatusReport::tick(TimePoint now) {
    const std::uint64_t overflows = from_.crew.sum(&WorkerCounters::queue_overflows);
    if (overflows != std::exchange(overflows_, overflows)) overflowed_ = now;
}

}  // namespace otto::control
