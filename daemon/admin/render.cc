#include "admin/render.h"

#include <algorithm>
#include <ctime>
#include <span>

#include <fmt/format.h>

#include "balance/affinity.h"

namespace otto::admin {

namespace {

const char* to_string(ServerState state) {
    switch (state) {
        case ServerState::active:
            return "active";
        case ServerState::drain:
            return "drain";
        case ServerState::disabled:
            return "disabled";
    }
    return "";
}

template <typename Item>
std::span<const Item> first_of(const std::vector<Item>& items, std::size_t most) {
    return std::span(items).first(std::min(most, items.size()));
}

Json texts(const std::vector<std::string>& list) {
    Json json = Json::list();
    for (const std::string& text : list) json.add(Json::string(text));
    return json;
}

Json seconds(Duration duration) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
    return Json::number(static_cast<std::uint64_t>(whole));
}

/// The changes that are not applied, and the keys of the file that others hide.
void set_misfits(Json& json, const Changes& changes) {
    constexpr std::size_t most = 100;
    Json left_out = Json::list();
    for (const Fit::Misfit& misfit : first_of(changes.misfits(), most))
        left_out.add(Json::object()
                         .set("pointer", Json::string(misfit.change.pointer))
                         .set("reason", Json::string(misfit.reason)));
    json.set("changesLeftOut", std::move(left_out));
    Json hidden = Json::list();
    for (const std::string& key : first_of(changes.hidden(), most)) hidden.add(Json::string(key));
    json.set("hiddenKeys", std::move(hidden));
}

}  // namespace

std::string server_id(std::string_view url) {
    return fmt::format("{:016x}", server_key(url));
}

std::string milliseconds(Duration duration) {
    if (duration <= Duration::zero()) return "null";
    const double value = std::chrono::duration<double, std::milli>(duration).count();
    return fmt::format("{:.{}f}", value, value < 10 ? 2 : value < 100 ? 1 : 0);
}

void set_rates(Json& json, const Sample& sample) {
    json.set("requestsPerSecond", Json::decimal(sample.requests_per_second));
    json.set("errorsPerSecond", Json::decimal(sample.errors_per_second));
    json.set("retriesPerSecond", Json::decimal(sample.retries_per_second));
    const auto value = [](Duration duration) {
        Json number;
        if (duration <= Duration::zero()) return number;
        number.kind = Json::Kind::number;
        number.text = milliseconds(duration);
        return number;
    };
    json.set("latency", Json::object()
                            .set("p50", value(sample.p50))
                            .set("p90", value(sample.p90))
                            .set("p99", value(sample.p99)));
}

Json render_verdict(const ServiceVerdict& verdict) {
    return Json::object()
        .set("tone", Json::string(to_string(verdict.tone)))
        .set("text", Json::string(verdict.text))
        .set("notes", texts(verdict.notes));
}

std::string rfc3339(std::chrono::system_clock::time_point time) {
    const auto whole = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
    const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(whole).count();
    tm parts{};
    gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                       whole.count() - seconds * 1000);
}

Json render_server(const Member& member, const Control& control, const Changes& changes,
                   TimePoint now) {
    const Server& server = *member.server;
    const Condition condition = control.condition(member, now);
    const Sample& sample = control.sampler().of(server);
    const std::chrono::duration<double, std::milli> latency = server.latency(now);
    Json json = Json::object();
    json.set("id", Json::string(server_id(server.url)));
    json.set("name", Json::string(member.name));
    json.set("url", Json::string(server.url));
    json.set("state", Json::string(to_string(member.state)));
    json.set("weight", Json::number(member.weight));
    json.set("backup", Json::boolean(member.backup));
    json.set("maxConnections", Json::number(member.max_connections));
    json.set("changed", Json::boolean(changes.touches(member.name)));
    json.set("health", Json::string(otto::to_string(server.health())));
    json.set("reason", Json::string(condition.reason));
    json.set("healthForSeconds", seconds(condition.health_for));
    json.set("ejected", Json::boolean(condition.ejected));
    json.set("ejectedForSeconds", seconds(condition.ejected_for));
    json.set("why", Json::string(why(member, condition)));
    json.set("share", Json::decimal(condition.share, 4));
    json.set("active", Json::number(server.active()));
    json.set("requests", Json::number(sample.requests));
    json.set("errors", Json::number(sample.errors));
    json.set("retries", Json::number(sample.retries));
    set_rates(json, sample);
    json.set("latencyMilliseconds", Json::decimal(latency.count()));
    return json;
}

Json render_status(const Control& control, const Changes& changes, const std::string& token_file) {
    const Control::Overview overview = control.overview();
    const Snapshot& snapshot = control.snapshot();
    Json configured = Json::list();
    for (const ListenConfig& entry : snapshot.config.port) configured.add(Json::string(entry.text));

    Json json = Json::object();
    json.set("version", Json::string(overview.version));
    json.set("state", Json::string(overview.state));
    json.set("status", Json::string(overview.line));
    json.set("verdict", render_verdict(overview.verdict));
    json.set("ready", Json::boolean(overview.ready));
    json.set("uptimeSeconds", seconds(overview.uptime));
    json.set("generation", Json::number(snapshot.generation));
    json.set("inForce", Json::boolean(control.in_force_everywhere()));
    json.set("workers", Json::number(overview.workers));
    json.set("servers", Json::object()
                            .set("healthy", Json::number(overview.healthy))
                            .set("total", Json::number(snapshot.members().size())));
    json.set("requests", Json::number(overview.requests));
    set_rates(json, control.sampler().total());
    json.set("active", Json::number(overview.active));
    json.set("queued", Json::number(overview.queued));
    json.set("connections", Json::number(overview.connections));
    json.set("failingOpen", Json::boolean(overview.failing_open));
    json.set("listening", texts(overview.listening));
    json.set("port", configured);
    json.set("portCommands", Json::string(overview.port_commands));
    json.set("configFile", Json::string(control.config_file()));
    json.set("unit", Json::string(overview.unit));
    json.set("tokenFile", Json::string(token_file));
    json.set("changed", Json::boolean(!changes.overlay().children.empty()));
    json.set("changesOutliveRestart", Json::boolean(changes.outlive_restart()));
    json.set("changesInForce", Json::boolean(changes.in_force()));
    set_misfits(json, changes);
    return json;
}

Json render_config(const Control& control, const Changes& changes) {
    Json json = Json::object();
    json.set("path", Json::string(control.config_file()));
    json.set("generation", Json::number(control.snapshot().generation));
    json.set("changesOutliveRestart", Json::boolean(changes.outlive_restart()));
    json.set("changesInForce", Json::boolean(changes.in_force()));
    set_misfits(json, changes);
    return json;
}

}  // namespace otto::admin
