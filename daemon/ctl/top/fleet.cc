#include "ctl/top/fleet.h"

#include <algorithm>
#include <functional>
#include <unordered_set>
#include <utility>

#include "ctl/console/console.h"
#include "ctl/console/figures.h"

namespace otto::ctl {

namespace {

double number_of(const Json& json, std::string_view name) {
    return number(json.find(name)).value_or(0);
}

std::uint64_t count_of(const Json& json, std::string_view name) {
    const double value = number_of(json, name);
    return value > 0 ? static_cast<std::uint64_t>(value) : 0;
}

void take_rates(FleetServer& server, const Json& json) {
    server.requests_per_second = number_of(json, "requestsPerSecond");
    server.errors_per_second = number_of(json, "errorsPerSecond");
    server.retries_per_second = number_of(json, "retriesPerSecond");
    server.active = count_of(json, "active");
    if (const Json* latency = json.find("latency")) {
        server.p50 = number(latency->find("p50"));
        server.p99 = number(latency->find("p99"));
    }
}

FleetServer server_of(const Json& json) {
    FleetServer server;
    server.id = json.text_of("id");
    server.name = json.text_of("name");
    server.state = json.text_of("state");
    server.health = json.text_of("health");
    server.why = json.text_of("why");
    if (server.why.empty()) server.why = json.text_of("reason");
    server.ejected = is_true(json, "ejected");
    server.backup = is_true(json, "backup");
    server.seconds = number_of(json, server.ejected ? "ejectedForSeconds" : "healthForSeconds");
    server.share = number_of(json, "share");
    take_rates(server, json);
    return server;
}

/// Those that somebody should look at first.
int trouble(const FleetServer& server) {
    if (server.state == "active" && server.health == "unhealthy") return 4;
    if (server.state == "active" && server.ejected) return 3;
    if (server.state == "drain") return 2;
    if (server.state == "active" && server.health != "healthy") return 1;
    return server.state == "active" ? -1 : 0;
}

double sort_value(const FleetServer& server, Sort by) {
    switch (by) {
        case Sort::order:
        case Sort::name:
            return 0;
        case Sort::state:
            return trouble(server);
        case Sort::requests:
            return server.requests_per_second;
        case Sort::errors:
            return server.errors_per_second;
        case Sort::retries:
            return server.retries_per_second;
        case Sort::active:
            return static_cast<double>(server.active);
        case Sort::p50:
            return server.p50.value_or(-1);
        case Sort::p99:
            return server.p99.value_or(-1);
    }
    return 0;
}

}  // namespace

std::string state_word(const FleetServer& server) {
    if (server.state != "active") return server.state;
    if (server.ejected) return "ejected";
    return server.health;
}

std::string why_now(const FleetServer& server) {
    const std::string beginning = state_word(server) + " for ";
    if (!server.why.starts_with(beginning)) return server.why;
    // "23 s", "2 min"
    const std::size_t unit = server.why.find(' ', beginning.size());
    if (unit == std::string::npos) return server.why;
    const std::size_t rest =
        std::min(server.why.find_first_of(" ,:;", unit + 1), server.why.size());
    const double seconds = server.seconds + (server.ejected ? -server.age : server.age);
    const auto span =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::max(0.0, seconds)));
    return beginning + span_text(span) + server.why.substr(rest);
}

void Fleet::set_servers(const Json& list) {
    std::unordered_map<std::string, std::vector<float>> histories;
    for (FleetServer& server : servers_) histories[server.id] = std::move(server.history);
    servers_.clear();
    for (const Json& json : list.children) {
        FleetServer server = server_of(json);
        const auto known = histories.find(server.id);
        if (known != histories.end()) server.history = std::move(known->second);
        servers_.push_back(std::move(server));
    }
    index();
}

void Fleet::index() {
    places_.clear();
    for (std::size_t at = 0; at < servers_.size(); ++at) places_[servers_[at].id] = at;
}

bool Fleet::apply(const Event& event) {
    if (event.type != "counters" && event.type != "servers") return false;
    const auto data = Json::parse(event.data, 2'000'000);
    if (!data) return false;
    if (event.type == "counters") {
        apply_counters(*data);
    } else {
        apply_servers(*data);
    }
    return true;
}

void Fleet::apply_counters(const Json& data) {
    Counters counters;
    counters.state = data.text_of("state");
    if (const Json* verdict = data.find("verdict")) {
        counters.tone = verdict->text_of("tone");
        counters.verdict = verdict->text_of("text");
    }
    counters.uptime_seconds = number_of(data, "uptimeSeconds");
    counters.requests_per_second = number_of(data, "requestsPerSecond");
    counters.errors_per_second = number_of(data, "errorsPerSecond");
    counters.retries_per_second = number_of(data, "retriesPerSecond");
    if (const Json* latency = data.find("latency")) {
        counters.p50 = number(latency->find("p50"));
        counters.p90 = number(latency->find("p90"));
        counters.p99 = number(latency->find("p99"));
    }
    counters.active = count_of(data, "active");
    counters.queued = count_of(data, "queued");
    counters.connections = count_of(data, "connections");
    counters.healthy = count_of(data, "healthy");
    counters.total = count_of(data, "total");
    const double passed = counters.uptime_seconds - counters_.uptime_seconds;
    if (!counters_.state.empty() && passed > 0)
        for (FleetServer& server : servers_) server.age += passed;
    counters_ = std::move(counters);

    if (const Json* rows = data.find("servers"))
        for (const Json& row : rows->children) apply_row(row);
    for (FleetServer& server : servers_) {
        if (server.history.size() == remembered) server.history.erase(server.history.begin());
        server.history.push_back(static_cast<float>(server.requests_per_second));
    }
}

/// [id, requests, errors, retries per second, active, p50, p99], of a server for which that
/// differs.
void Fleet::apply_row(const Json& row) {
    if (row.children.size() < 7) return;
    const auto place = places_.find(row.children[0].text);
    if (place == places_.end()) return;
    FleetServer& server = servers_[place->second];
    const auto figure = [&row](std::size_t at) { return number(&row.children[at]); };
    server.requests_per_second = figure(1).value_or(0);
    server.errors_per_second = figure(2).value_or(0);
    server.retries_per_second = figure(3).value_or(0);
    server.active = static_cast<std::uint64_t>(std::max(0.0, figure(4).value_or(0)));
    server.p50 = figure(5);
    server.p99 = figure(6);
}

void Fleet::apply_servers(const Json& data) {
    if (const Json* changed = data.find("changed"))
        for (const Json& json : changed->children) put(json);
    const Json* removed = data.find("removed");
    if (removed == nullptr || removed->children.empty()) return;
    std::unordered_set<std::string> gone;
    for (const Json& id : removed->children) gone.insert(id.text);
    std::erase_if(servers_,
                  [&gone](const FleetServer& server) { return gone.contains(server.id); });
    index();
}

void Fleet::put(const Json& json) {
    FleetServer server = server_of(json);
    const auto [place, added] = places_.emplace(server.id, servers_.size());
    if (added) {
        servers_.push_back(std::move(server));
        return;
    }
    server.history = std::move(servers_[place->second].history);
    servers_[place->second] = std::move(server);
}

std::vector<const FleetServer*> Fleet::sorted(Sort by) const {
    std::vector<const FleetServer*> servers;
    servers.reserve(servers_.size());
    for (const FleetServer& server : servers_) servers.push_back(&server);
    if (by == Sort::name) {
        std::ranges::stable_sort(servers, std::less{}, &FleetServer::name);
    } else if (by != Sort::order) {
        std::ranges::stable_sort(servers, std::greater{}, [by](const FleetServer* server) {
            return sort_value(*server, by);
        });
    }
    return servers;
}

}  // namespace otto::ctl
