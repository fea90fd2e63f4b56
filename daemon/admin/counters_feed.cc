#include "admin/counters_feed.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <unordered_set>
#include <utility>

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

void CountersFeed::begin() {
    start(false);
    if (snapshot_->generation == generation_) return;
    std::unordered_set<std::uint64_t> present;
    for (const Member& member : snapshot_->members()) present.insert(member.server->id);
    std::erase_if(said_, [&present](const auto& each) { return !present.contains(each.first); });
    generation_ = snapshot_->generation;
}

void CountersFeed::begin_all() {
    start(true);
}

void CountersFeed::start(bool all) {
    snapshot_ = control_.shared_snapshot();
    next_ = 0;
    all_ = all;
    rows_.clear();
}

bool CountersFeed::step() {
    constexpr std::size_t at_once = 100;
    const auto& members = snapshot_->members();
    const std::size_t end = std::min(next_ + at_once, members.size());
    while (next_ < end) look_at(*members[next_++].server);
    return next_ < members.size();
}

void CountersFeed::look_at(const Server& server) {
    const auto found = said_.find(server.id);
    if (all_) {
        if (found != said_.end()) append(rows_, server_id(server.url), found->second);
        return;
    }
    const Row row = row_of(server, control_.sampler().of(server));
    if (found == said_.end() ? row == Row{} : row == found->second) return;
    said_[server.id] = row;
    append(rows_, server_id(server.url), row);
}

std::string CountersFeed::history() const {
    std::string samples;
    for (const Sample& sample : control_.sampler().history())
        fmt::format_to(std::back_inserter(samples), "{}[{},{},{},{},{}]",
                       samples.empty() ? "" : ",", rate(tenths(sample.requests_per_second)),
                       rate(tenths(sample.errors_per_second)), milliseconds(sample.p50),
                       milliseconds(sample.p90), milliseconds(sample.p99));
    return "{\"samples\":[" + samples + "]}";
}

std::string CountersFeed::take() {
    const std::shared_ptr<const Snapshot> snapshot = std::exchange(snapshot_, nullptr);
    const Control::Overview overview = control_.overview();
    Json json = Json::object();
    json.set("time", Json::string(rfc3339(std::chrono::system_clock::now())));
    json.set("uptimeSeconds",
             Json::number(static_cast<std::uint64_t>(
                 std::chrono::duration_cast<std::chrono::seconds>(overview.uptime).count())));
    json.set("state", Json::string(overview.state));
    json.set("ready", Json::boolean(overview.ready));
    json.set("verdict", render_verdict(overview.verdict));
    json.set("failingOpen", Json::boolean(overview.failing_open));
    json.set("generation", Json::number(snapshot->generation));
    json.set("requests", Json::number(overview.requests));
    set_rates(json, control_.sampler().total());
    json.set("active", Json::number(overview.active));
    json.set("queued", Json::number(overview.queued));
    json.set("connections", Json::number(overview.connections));
    json.set("healthy", Json::number(overview.healthy));
    json.set("total", Json::number(snapshot->members().size()));
    std::string text = json.compact();
    text.pop_back();
    return text + ",\"servers\":[" + std::exchange(rows_, {}) + "]}";
}

}  // namespace otto::admin
