#include "control/servers.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace otto::control {

namespace {

/// How long Otto waits at its start for the first verdict on every server, so that balancing begins
/// with all of them. Well below the second that requests wait for a server, so that one that hangs,
/// or a name that is not answered, never makes them fail while another server is there.
constexpr Duration settle_time = std::chrono::milliseconds(500);

bool may_serve(const Member& member) {
    return member.state == ServerState::active && member.weight > 0 &&
           member.server->health() == Health::healthy;
}

}  // namespace

Servers::Servers(const Loop& loop, Mailbox& control, Crew& crew, std::function<void()> on_confirmed)
    : crew_(crew),
      rotation_({.on_change = [this] { publisher_.changed(); },
                 .on_ejected =
                     [this](const Member& member, const Ejections::Ejected& ejected,
                            const std::string& reason) {
                         member.server->metrics->ejections.add();
                         log_.ejected(member, ejected, reason);
                     },
                 .on_back = [this](const Member& member,
                                   const std::string& reason) { log_.back(member, reason); }}),
      publisher_({.settled = [this] { return monitor_.settled(); },
                  .balance = [this](const Candidates& predecessor) { return balance(predecessor); },
                  .apply = [this](const auto& snapshot) { crew_.apply(snapshot); },
                  .wake = [this] { publish_later_.schedule(); },
                  .on_published = [this](bool settles) { published(settles); },
                  .ask = [this] { return crew_.confirm(); },
                  .on_confirmed = std::move(on_confirmed)}),
      monitor_(
          loop, [this](const Monitor::Flip& flip) { flipped(flip); },
          [this](const Server& server) { rotation_.check_passed(server, now()); }),
      resolver_(loop, control,
                {.on_change = [this] { names_changed(); },
                 .on_news = [this](const Resolver::News& news) { log_.name_changed(news); }},
                Resolver::ask_system, {}),
      publish_later_(loop, [this] { publisher_.publish_if_due(); }),
      settle_timer_(loop, [this] { publisher_.settle(); }),
      change_timer_(loop, [this] { publisher_.changed(); }) {
    const auto look = [this] {
        crew_.connection_calls().looks(connection_line_);
        monitor_.place_freed();
    };
    connection_line_ = crew_.connection_calls().add(
        {.close_idle = {}, .freed = [&control, look] { control.post(look); }});
}

Servers::~Servers() {
    crew_.connection_calls().remove(connection_line_);
}

void Servers::use(Config config) {
    if (!snapshot()) settle_timer_.set_after(settle_time);
    resolver_.watch(names_of(config));
    take(make_snapshot(std::move(config), snapshot().get(), resolver_.answers()));
}

void Servers::take(SnapshotBuild build) {
    std::vector<std::shared_ptr<Server>> servers;
    for (const Member& member : build.snapshot->members()) {
        member.server->connections->set_calls(&crew_.connection_calls());
        member.server->connections->set_most(member.max_connections);
        if (member.state != ServerState::disabled) {
            servers.push_back(member.server);
        } else {
            member.server->set_health(Health::unknown);
        }
    }
    rotation_.adopt(build.snapshot->pools.front().members, build.snapshot->config);
    monitor_.watch(servers, build.snapshot->config.health_check);
    for (const auto& [server, reason] : build.unresolved) monitor_.unresolved(*server, reason);
    publisher_.take(std::move(build.snapshot));
}

/// The same configuration, with what is known about names now.
void Servers::names_changed() {
    SnapshotBuild build = renew_snapshot(*snapshot(), resolver_.answers());
    if (build.snapshot) {
        take(std::move(build));
    } else {
        for (const auto& [server, reason] : build.unresolved) monitor_.unresolved(*server, reason);
    }
}

void Servers::flipped(const Monitor::Flip& flip) {
    const bool up = flip.to == Health::healthy;
    log_.flipped(flip, name_of(flip.server));
    // Requests wait until Otto has settled: the record need not.
    if (publisher_.state() == Publisher::State::settling) log_.flush();
    if (up && !flip.first) rotation_.recovered(flip.server);
    // Its name may lead elsewhere by now.
    if (!up && !resolver_.answers().empty()) resolver_.announce();
    publisher_.changed();
}

std::shared_ptr<const Candidates> Servers::balance(const Candidates& predecessor) {
    auto candidates = rotation_.build(predecessor, monitor_.settled(), now());
    if (const auto next = rotation_.next_change()) {
        change_timer_.set(*next);
    } else {
        change_timer_.cancel();
    }
    return candidates;
}

void Servers::published(bool settles) {
    healthy_ = std::ranges::any_of(snapshot()->members(), may_serve);
    log_.flush();
    if (rotation_.service() != std::exchange(logged_, rotation_.service()))
        ServerLog::service_changed(logged_, snapshot()->pools.front());
    if (!settles) return;
    settle_timer_.cancel();
    log_.tick();
}

void Servers::taken_out(std::uint64_t server, const std::string& reason) {
    if (const Member* member = rotation_.find(server)) monitor_.taken_out(*member->server, reason);
}

void Servers::answered(std::uint64_t server) {
    if (const Member* member = rotation_.find(server)) monitor_.answered(*member->server);
}

void Servers::errors_in_a_row(std::uint64_t server, unsigned count) {
    rotation_.errors_in_a_row(server, count, now());
}

void Servers::probe_request_ended(std::uint64_t server, bool passed) {
    rotation_.probe_request_ended(server, passed, now());
}

void Servers::tick() {
    publisher_.publish_if_due();
    log_.tick();
}

admin::Condition Servers::condition(const Member& member, TimePoint now) const {
    const Server& server = *member.server;
    const Candidates& candidates = snapshot()->candidates();
    Monitor::Report report = monitor_.report(server);
    admin::Condition condition{.reason = std::move(report.reason),
                               .health_for = now - report.since,
                               .failures = report.failures,
                               .failure = std::move(report.failure),
                               .level = rotation_.level(server.id, now),
                               .share = candidates.share_of(server),
                               .failing_open = candidates.failing_open()};
    if (member.state == ServerState::disabled) {
        condition.reason = "disabled";
        condition.health_for = Duration::zero();
    }
    const Ejections& ejections = rotation_.ejections();
    condition.ejected = ejections.out(server.id);
    if (!condition.ejected) return condition;
    condition.half_open = ejections.half_open(server.id);
    condition.ejection = rotation_.ejection_reason(server.id);
    const auto until = ejections.until(server.id);
    if (until && !condition.half_open)
        condition.ejected_for = std::max(*until - now, Duration::zero());
    return condition;
}

std::string Servers::name_of(const Server& server) const {
    const Member* member = rotation_.find(server.id);
    return member != nullptr ? member->name : server.url;
}

}  // namespace otto::control
