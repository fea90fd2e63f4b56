#include "admin/counters_feed.h"

#include <cmath>
#include <iterator>
#include <unordered_set>

#include <fmt/format.h>

#include "admin/render.h"

namespace otto::admin {

namespace {

std::int64_t tenths(double value) {
    return std::llround(value * 10);
}

std::int64_t rough(Duration duration) {
    constexpr Duration unit = std::chrono::microseconds(10);
    return (duration + unit / 2) / unit;
}

std::string rate(std::int64_t tenths) {
    if (tenths % 10 == 0) return fmt::format("{}", tenths / 10);
    return fmt::format("{}.{}", tenths / 10, tenths % 10);
}

}  // namespace

CountersFeed::Row CountersFeed::row_of(const Server& server, const Sample& sample) {
    return {.requests = tenths(sample.requests_per_second),
            .errors = tenths(sample.errors_per_second),
            .retries = tenths(sample.retries_per_second),
            .active = server.active(),
            .p50 = rough(sample.p50),
            .p99 = rough(sample.p99)};
}

void CountersFeed::append(std::string& list, const std::string& id, const Row& row) {
    constexpr Duration unit = std::chrono::microseconds(10);
    fmt::format_to(std::back_inserter(list), "{}[\"{}\",{},{},{},{},{},{}]",
                   list.empty() ? "" : ",", id, rate(row.requests), rate(row.errors),
                   rate(row.retries), row.active, milliseconds(row.p50 * unit),
                   milliseconds(row.p99 * unit));
}

std::string CountersFeed::next() {
    const Snapshot& snapshot = control_.snapshot();
    if (snapshot.generation != generation_) {
        std::unordered_set<std::uint64_t> present;
        for (const Member& member : snapshot.members) present.insert(member.server->id);
        std::erase_if(said_,
                      [&present](const auto& each) { return !present.contains(each.first); });
        generation_ = snapshot.generation;
    }
    std::string rows;
    const Sampler& sampler = control_.sampler();
    for (const Member& member : snapshot.members) {
        const Server& server = *member.server;
        const Row row = row_of(server, sampler.of(server));
        const auto found = said_.find(server.id);
        if (found == said_.end() ? row == Row{} : row == found->second) continue;
        said_[server.id] = row;
        append(rows, server_id(server.url), row);
    }
    return with_rows(rows);
}

std::string CountersFeed::all() const {
    std::string rows;
    for (const Member& member : control_.snapshot().members) {
        const auto found = said_.find(member.server->id);
        if (found != said_.end()) append(rows, server_id(member.server->url), found->second);
    }
    return with_rows(rows);
}

std::string CountersFeed::with_rows(const std::string& rows) const {
    const Control::Overview overview = control_.overview();
    const Snapshot& snapshot = control_.snapshot();
    Json json = Json::object();
    json.set("time", Json::string(rfc3339(std::chrono::system_clock::now())));
    json.set("uptimeSeconds",
             Json::number(static_cast<std::uint64_t>(
                 std::chrono::duration_cast<std::chrono::seconds>(overview.uptime).count())));
    json.set("state", Json::string(overview.state));
    json.set("ready", Json::boolean(overview.ready));
    json.set("failingOpen", Json::boolean(overview.failing_open));
    json.set("generation", Json::number(snapshot.generation));
    json.set("requests", Json::number(overview.requests));
    set_rates(json, control_.sampler().total());
    json.set("active", Json::number(overview.active));
    json.set("queued", Json::number(overview.queued));
    json.set("connections", Json::number(overview.connections));
    json.set("healthy", Json::number(overview.healthy));
    json.set("total", Json::number(snapshot.members.size()));
    std::string text = json.compact();
    text.pop_back();
    return text + ",\"servers\":[" + rows + "]}";
}

}  // namespace otto::admin
