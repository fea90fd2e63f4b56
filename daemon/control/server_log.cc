#include "control/server_log.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/phrases.h"

namespace otto::control {

void ServerLog::flipped(const Monitor::Flip& flip, const std::string& name) {
    const bool up = flip.to == Health::healthy;
    waiting_.push_back({up ? Priority::notice : Priority::warning,
                        up ? &messages::server_healthy : &messages::server_unhealthy,
                        fmt::format("server {} is {}: {}", name, to_string(flip.to), flip.reason),
                        {{"SERVER", flip.server.url},
                         {"NAME", name},
                         {"FROM", to_string(flip.from)},
                         {"TO", to_string(flip.to)},
                         {"REASON", flip.reason}}});
}

void ServerLog::ejected(const Member& member, const Ejections::Ejected& ejected,
                        const std::string& reason) {
    const std::string time = text_of(ejected.length);
    waiting_.push_back({Priority::warning,
                        &messages::server_ejected,
                        fmt::format("server {} is ejected for {}: {}", member.name, time, reason),
                        {{"SERVER", member.server->url},
                         {"NAME", member.name},
                         {"REASON", reason},
                         {"TIME", time},
                         {"TIMES", std::to_string(ejected.times)}}});
}

void ServerLog::back(const Member& member, const std::string& reason) {
    waiting_.push_back(
        {Priority::notice,
         &messages::server_back,
         fmt::format("server {} is no longer ejected: {}", member.name, reason),
         {{"SERVER", member.server->url}, {"NAME", member.name}, {"REASON", reason}}});
}

void ServerLog::flush() {
    for (Record& each : std::exchange(waiting_, {})) add(std::move(each));
}

/// Logs a record that has a NAME, unless there were too many of its kind in this second.
void ServerLog::add(Record record) {
    const auto name = std::ranges::find(record.fields, std::string_view("NAME"), &LogField::name);
    if (fold_.admit(*record.type, name == record.fields.end() ? std::string() : name->value))
        log(record.priority, record.type, record.text, std::move(record.fields));
}

void ServerLog::tick() {
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

void ServerLog::name_changed(const Resolver::News& news) {
    std::string list;
    for (const Address& address : news.answer.addresses)
        list += (list.empty() ? "" : ", ") + address.ip();
    std::vector<LogField> fields{{"NAME", news.name}, {"HOST", news.name}, {"ADDRESSES", list}};
    switch (news.kind) {
        case Resolver::News::Kind::moved:
            add({Priority::notice, &messages::name_moved,
                 fmt::format("name {} now resolves to {}", news.name, list), std::move(fields)});
            return;
        case Resolver::News::Kind::stale:
            fields.push_back({"REASON", news.answer.trouble});
            add({Priority::warning, &messages::name_stale,
                 fmt::format(
                     "name {} cannot be looked up; its last known addresses stay in use: {}",
                     news.name, news.answer.trouble),
                 std::move(fields)});
            return;
        case Resolver::News::Kind::fresh:
            add({Priority::notice, &messages::name_fresh,
                 fmt::format("name {} can be looked up again", news.name), std::move(fields)});
            return;
    }
}

void ServerLog::service_changed(Rotation::Service service, const Pool& pool) {
    const std::size_t size = pool.candidates->size();
    switch (service) {
        case Rotation::Service::normal:
            log(Priority::notice, &messages::fail_open_over,
                fmt::format("requests go to healthy servers again: {}", counted(size, "server")),
                {{"SERVERS", std::to_string(size)}});
            return;
        case Rotation::Service::failing_open:
            log(Priority::critical, &messages::failing_open,
                fmt::format("failing open: no server is healthy, so requests go to {}",
                            counted(size, "unhealthy or ejected server")),
                {{"SERVERS", std::to_string(size)}});
            return;
        case Rotation::Service::none:
            log(Priority::critical, &messages::no_server_left,
                fmt::format("{}: requests are answered with 503", why_unavailable(pool)));
            return;
    }
}

}  // namespace otto::control
