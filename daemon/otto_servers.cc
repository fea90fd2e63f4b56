// Who gets requests, and what Otto tells about it.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/phrases.h"
#include "otto.h"
#include "sd/journal.h"

namespace otto {

/// Hands the workers the snapshot and who of it gets requests; at Otto's start not before all are
/// judged, or time is up.
void Otto::publish() {
    const Roster::Service before = roster_.service();
    if (!settling_)
        snapshot_ =
            with_candidates(*snapshot_, roster_.build(snapshot_->candidates(), monitor_.settled()));
    healthy_left_ = std::ranges::any_of(snapshot_->members(), [](const Member& member) {
        return member.state == ServerState::active && member.weight > 0 &&
               member.server->health() == Health::healthy;
    });
    for (const auto& worker : workers_) worker->apply(snapshot_);
    log_news();
    if (roster_.service() != before) service_changed();
}

/// After the callbacks of this turn of the loop: thousands of servers may flip together.
void Otto::publish_soon() {
    if (settling_ || std::exchange(publish_due_, true)) return;
    mailbox_->post([this] { publish_if_due(); });
}

void Otto::publish_if_due() {
    if (std::exchange(publish_due_, false)) publish();
}

/// Logs it once the workers have been told, so that requests that come after the record go by it.
/// While settling, at once: requests wait until that is over.
void Otto::tell(Priority priority, const MessageType& type, std::string text,
                std::vector<LogField> fields) {
    news_.push_back({priority, &type, std::move(text), std::move(fields)});
    if (adopting_) return;
    if (settling_) log_news();
    publish_soon();
}

void Otto::log_news() {
    for (News& each : std::exchange(news_, {}))
        log_folded(each.priority, *each.type, each.text, std::move(each.fields));
}

/// Logs a record that has a NAME, unless there were too many of its kind in this second.
void Otto::log_folded(Priority priority, const MessageType& type, std::string_view text,
                      std::vector<LogField> fields) {
    const auto name = std::ranges::find(fields, std::string_view("NAME"), &LogField::name);
    if (fold_.admit(type, name == fields.end() ? std::string() : name->value))
        log(priority, &type, text, std::move(fields));
}

void Otto::log_rest() {
    for (const RecordFold::Folded& folded : fold_.take()) {
        const bool bad = folded.type == &messages::server_unhealthy ||
                         folded.type == &messages::server_ejected ||
                         folded.type == &messages::name_stale;
        log(bad ? Priority::warning : Priority::notice, &messages::many_changes,
            fmt::format("{} more of these records ({}): {}", folded.count, folded.type->slug,
                        folded.names),
            {{"COUNT", std::to_string(folded.count)},
             {"KIND", std::string(folded.type->slug)},
             {"NAMES", folded.names}});
    }
}

void Otto::settle() {
    settle_timer_.cancel();
    settling_ = false;
    publish();
    log_rest();
}

void Otto::server_flipped(const Monitor::Flip& flip) {
    const std::string name = name_of(flip.server);
    const bool up = flip.to == Health::healthy;
    tell(up ? Priority::notice : Priority::warning,
         up ? messages::server_healthy : messages::server_unhealthy,
         fmt::format("server {} is {}: {}", name, to_string(flip.to), flip.reason),
         {{"SERVER", flip.server.url},
          {"NAME", name},
          {"FROM", to_string(flip.from)},
          {"TO", to_string(flip.to)},
          {"REASON", flip.reason}});
    if (up && !flip.first) roster_.recovered(flip.server);
    // A name may have other addresses to go to by now.
    if (!up && !resolver_.answers().empty()) resolver_.announce();
    if (settling_ && !adopting_ && monitor_.settled()) settle();
}

void Otto::taken_out(std::uint64_t server, const std::string& reason) {
    if (const Member* member = roster_.find(server)) monitor_.taken_out(*member->server, reason);
}

void Otto::answered(std::uint64_t server) {
    if (const Member* member = roster_.find(server)) monitor_.answered(*member->server);
}

void Otto::server_ejected(const Member& member, const Ejections::Ejected& ejected,
                          const std::string& reason) {
    member.server->metrics->ejections.add();
    const std::string time = text_of(ejected.length);
    tell(Priority::warning, messages::server_ejected,
         fmt::format("server {} is ejected for {}: {}", member.name, time, reason),
         {{"SERVER", member.server->url},
          {"NAME", member.name},
          {"REASON", reason},
          {"TIME", time},
          {"TIMES", std::to_string(ejected.times)}});
}

void Otto::server_back(const Member& member, const std::string& reason) {
    tell(Priority::notice, messages::server_back,
         fmt::format("server {} is no longer ejected: {}", member.name, reason),
         {{"SERVER", member.server->url}, {"NAME", member.name}, {"REASON", reason}});
}

void Otto::service_changed() {
    const std::string count = std::to_string(snapshot_->candidates().size());
    const std::string servers = counted(snapshot_->candidates().size(), "server");
    switch (roster_.service()) {
        case Roster::Service::normal:
            log(Priority::notice, &messages::fail_open_over,
                fmt::format("requests go to healthy servers again: {}", servers),
                {{"SERVERS", count}});
            return;
        case Roster::Service::failing_open:
            log(Priority::critical, &messages::failing_open,
                fmt::format("failing open: no server is healthy, so requests go to {}",
                            counted(snapshot_->candidates().size(), "unhealthy or ejected server")),
                {{"SERVERS", count}});
            return;
        case Roster::Service::nobody:
            log(Priority::critical, &messages::no_server_left,
                fmt::format("{}: requests are answered with 503",
                            why_unavailable(snapshot_->pools.front())));
            return;
    }
}

std::string Otto::name_of(const Server& server) const {
    const Member* member = roster_.find(server.id);
    return member != nullptr ? member->name : server.url;
}

/// "3/5 servers healthy (1 ejected, 1 drained)".
std::string Otto::roster_line() const {
    std::size_t healthy = 0;
    std::size_t drained = 0;
    std::size_t disabled = 0;
    for (const Member& member : snapshot_->members()) {
        if (member.server->health() == Health::healthy) ++healthy;
        if (member.state == ServerState::drain) ++drained;
        if (member.state == ServerState::disabled) ++disabled;
    }
    std::string more;
    const auto add = [&more](std::size_t count, std::string_view what) {
        if (count == 0) return;
        more += fmt::format("{}{} {}", more.empty() ? " (" : ", ", count, what);
    };
    add(roster_.ejections().count(), "ejected");
    add(drained, "drained");
    add(disabled, "disabled");
    return fmt::format("{}/{} servers healthy{}{}", healthy, snapshot_->members().size(), more,
                       more.empty() ? "" : ")");
}

}  // namespace otto
