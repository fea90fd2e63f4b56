#include "control/admin_control.h"

#include <algorithm>
#include <utility>

#include "log/log_thread.h"

namespace otto::control {

admin::Control::Overview AdminControl::overview() const {
    const Snapshot& snapshot = *shared_snapshot();
    Overview overview;
    overview.version = about_.version;
    overview.state = of_.shutdown.running() ? "running" : "draining";
    overview.verdict = of_.status.verdict(sampler_.total());
    overview.line = of_.status.line(sampler_.total());
    overview.uptime = now() - started_;
    overview.workers = of_.crew.size();
    overview.requests = of_.crew.requests();
    overview.connections = of_.crew.connections();
    overview.queued = of_.crew.sum(&WorkerCounters::queued);
    for (const Member& member : snapshot.members()) {
        if (member.server->health() == Health::healthy) ++overview.healthy;
        overview.active += member.server->active();
    }
    overview.failing_open = snapshot.candidates().failing_open();
    overview.listening = of_.listening.texts();
    overview.port_commands = of_.ports.commands();
    overview.unit = about_.unit;
    overview.ready = ready();
    return overview;
}

metrics::Totals AdminControl::totals() const {
    metrics::Totals totals;
    for (const auto& worker : of_.crew.workers()) totals.add(worker->counters());
    return totals;
}

metrics::Readings AdminControl::readings() const {
    const std::shared_ptr<const Snapshot>& snapshot = shared_snapshot();
    const Rotation& rotation = of_.servers.rotation();
    const Reloader::Loads& loads = of_.reloader.loads();
    metrics::Readings readings{
        .version = about_.version,
        .started = started_at_,
        .ready = ready(),
        .draining = !of_.shutdown.running(),
        .failing_open = rotation.service() == Rotation::Service::failing_open,
        .workers = of_.crew.size(),
        .changed = !of_.changes.overlay().children.empty(),
        .reload_failed = loads.failed_last,
        .reloads_done = loads.done,
        .reloads_failed = loads.failed,
        .last_load = loads.last,
        .access_log_dropped = of_.access_log->dropped(),
        .journal_dropped = log_records_dropped(),
        .totals = totals(),
        .snapshot = snapshot};
    if (about_.watched) readings.watchdog_lag = of_.crew.lag();
    readings.standings.reserve(snapshot->members().size());
    for (const Member& member : snapshot->members())
        readings.standings.push_back({.ejected = rotation.ejections().out(member.server->id),
                                      .share = snapshot->candidates().share_of(*member.server)});
    return readings;
}

bool AdminControl::check_server(const ServerConfig& server,
                                std::function<void(const Checked&)> on_done) {
    return checks_.start(server, snapshot().config.health_check, std::move(on_done));
}

}  // namespace otto::control
