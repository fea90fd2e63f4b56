// What /metrics asks of Otto.

#include "otto.h"
#include "sd/log_thread.h"
#include "version.h"

namespace otto {

admin::Totals Otto::totals() const {
    admin::Totals totals;
    for (const auto& worker : workers_) totals.add(worker->counters());
    return totals;
}

admin::Readings Otto::readings() const {
    admin::Readings readings{.version = version,
                             .started = started_at_,
                             .ready = ready(),
                             .draining = phase_ == Phase::draining,
                             .failing_open = roster_.service() == Roster::Service::failing_open,
                             .workers = workers_.size(),
                             .changed = !changes_.overlay().children.empty(),
                             .reload_failed = loads_.failed_last,
                             .reloads_done = loads_.done,
                             .reloads_failed = loads_.failed,
                             .last_load = loads_.last,
                             .access_log_dropped = access_log_->dropped(),
                             .journal_dropped = log_records_dropped(),
                             .totals = totals(),
                             .snapshot = snapshot_};
    if (watchdog_) readings.watchdog_lag = watchdog_->lag();
    readings.standings.reserve(snapshot_->members().size());
    for (const Member& member : snapshot_->members())
        readings.standings.push_back({.ejected = roster_.ejections().out(member.server->id),
                                      .share = snapshot_->candidates().share_of(*member.server)});
    return readings;
}

}  // namespace otto
