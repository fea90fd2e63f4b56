// What the admin API asks of Otto, and has it do.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "otto.h"
#include "sd/journal.h"
#include "sd/state.h"
#include "version.h"

namespace otto {

namespace {

/// Records that wait to become events; more are left out there.
constexpr unsigned most_records_due = 1000;

}  // namespace

Status Otto::open_admin(std::vector<UniqueFd> sockets) {
    if (sockets.empty()) return {};
    auto api = admin::Api::open(loop_, *this, changes_, state_directory());
    if (!api) return api.error();
    api_ = std::move(*api);
    for (UniqueFd& socket : sockets) {
        constexpr std::string_view unix = "unix:";
        const std::string address = Listening::address_of(socket.get()).text();
        if (address.starts_with(unix) && admin_place_.empty())
            admin_place_ = address.substr(unix.size());
        const Status listening = api_->listen(std::move(socket));
        if (!listening) return listening;
    }
    return {};
}

/// From the start on, though what is logged reaches the API only once the loop runs.
void Otto::tap_log() {
    tap_.emplace();
    set_log_tap([this](const LogRecord& record) {
        if (records_due_.fetch_add(1, std::memory_order_relaxed) >= most_records_due) {
            records_due_.fetch_sub(1, std::memory_order_relaxed);
            return;
        }
        mailbox_->post([this, record] {
            records_due_.fetch_sub(1, std::memory_order_relaxed);
            if (api_) api_->events().add(record);
        });
    });
}

admin::Control::Overview Otto::overview() const {
    const auto total = [this](std::atomic<std::uint64_t> WorkerCounters::*counter) {
        std::uint64_t count = 0;
        for (const auto& worker : workers_)
            count += (worker->counters().*counter).load(std::memory_order_relaxed);
        return count;
    };
    Overview overview;
    overview.version = version;
    overview.state = phase_ == Phase::running ? "running" : "draining";
    overview.verdict = verdict();
    overview.line = status_line();
    overview.uptime = now() - started_;
    overview.workers = workers_.size();
    overview.healthy = static_cast<std::size_t>(std::ranges::count_if(
        snapshot_->members(),
        [](const Member& member) { return member.server->health() == Health::healthy; }));
    overview.requests = total(&WorkerCounters::requests);
    overview.connections = total(&WorkerCounters::connections);
    overview.queued = total(&WorkerCounters::queued);
    for (const Member& member : snapshot_->members()) overview.active += member.server->active();
    overview.failing_open = snapshot_->candidates().failing_open();
    overview.listening = listening_.texts();
    if (!port_differs_.empty()) overview.port_commands = port_commands();
    overview.unit = unit_;
    overview.ready = ready();
    return overview;
}

bool Otto::ready() const {
    return phase_ == Phase::running && !snapshot_->candidates().empty() && healthy_left_;
}

admin::Condition Otto::condition(const Member& member, TimePoint now) const {
    const Server& server = *member.server;
    Monitor::Report report = monitor_.report(server);
    admin::Condition condition{.reason = std::move(report.reason),
                               .health_for = now - report.since,
                               .failures = report.failures,
                               .failure = std::move(report.failure),
                               .level = roster_.level(server.id, now),
                               .share = snapshot_->candidates().share_of(server),
                               .failing_open = snapshot_->candidates().failing_open()};
    if (member.state == ServerState::disabled) {
        condition.reason = "disabled";
        condition.health_for = Duration::zero();
    }
    const Ejections& ejections = roster_.ejections();
    condition.ejected = ejections.out(server.id);
    if (!condition.ejected) return condition;
    condition.on_trial = ejections.on_trial(server.id);
    condition.ejection = roster_.ejection_reason(server.id);
    const auto until = ejections.until(server.id);
    if (until && !condition.on_trial)
        condition.ejected_for = std::max(*until - now, Duration::zero());
    return condition;
}

void Otto::apply(Config config) {
    note_what_waits(config);
    const bool port_changed = config.port != snapshot_->config.port;
    adopt(std::move(config));
    if (settling_ && monitor_.settled()) settle();
    if (port_changed) report_port();
}

bool Otto::check_server(const ServerConfig& server, std::function<void(const Checked&)> on_done) {
    return server_checks_.start(server, snapshot_->config.health_check, std::move(on_done));
}

bool Otto::in_force_everywhere() const {
    return std::ranges::all_of(workers_, [](const auto& worker) { return worker->up_to_date(); });
}

}  // namespace otto
