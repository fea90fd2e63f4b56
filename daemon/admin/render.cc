#include "admin/render.h"

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

Json texts(const std::vector<std::string>& list) {
    Json json = Json::list();
    for (const std::string& text : list) json.add(Json::string(text));
    return json;
}

Json or_empty(const Json& json) {
    return json.is_null() ? Json::object() : json;
}

}  // namespace

std::string server_id(std::string_view url) {
    return fmt::format("{:016x}", server_key(url));
}

Json render_server(const Member& member, const Control& control, TimePoint now) {
    const Server& server = *member.server;
    Json json = Json::object();
    json.set("id", Json::string(server_id(server.url)));
    json.set("name", Json::string(member.name));
    json.set("url", Json::string(server.url));
    json.set("state", Json::string(to_string(member.state)));
    json.set("weight", Json::number(member.weight));
    json.set("backup", Json::boolean(member.backup));
    json.set("maxConnections", Json::number(member.max_connections));
    json.set("health", Json::string(otto::to_string(server.health())));
    json.set("reason", Json::string(control.reason(server)));
    json.set("ejected", Json::boolean(control.ejected(server)));
    json.set("active", Json::number(server.active()));
    const std::chrono::duration<double, std::milli> latency = server.latency(now);
    json.set("latencyMilliseconds", Json::decimal(latency.count()));
    return json;
}

Json render_status(const Control& control, const Changes& changes) {
    const Control::Overview overview = control.overview();
    const Snapshot& snapshot = control.snapshot();
    Json configured = Json::list();
    for (const ListenConfig& entry : snapshot.config.port) configured.add(Json::string(entry.text));

    Json json = Json::object();
    json.set("version", Json::string(overview.version));
    json.set("state", Json::string(overview.state));
    json.set("status", Json::string(overview.line));
    json.set("ready", Json::boolean(overview.ready));
    json.set("uptimeSeconds",
             Json::number(static_cast<std::uint64_t>(
                 std::chrono::duration_cast<std::chrono::seconds>(overview.uptime).count())));
    json.set("generation", Json::number(snapshot.generation));
    json.set("workers", Json::number(overview.workers));
    json.set("servers", Json::object()
                            .set("healthy", Json::number(overview.healthy))
                            .set("total", Json::number(snapshot.members.size())));
    json.set("requests", Json::number(overview.requests));
    json.set("requestsPerSecond", Json::decimal(overview.requests_per_second));
    json.set("connections", Json::number(overview.connections));
    json.set("listening", texts(overview.listening));
    json.set("port", configured);
    json.set("portCommands", Json::string(overview.port_commands));
    json.set("configFile", Json::string(overview.config_file));
    json.set("changed", Json::boolean(!changes.overlay().children.empty()));
    json.set("changesInForce", Json::boolean(changes.in_force()));
    return json;
}

Json render_config(const Control& control, const Changes& changes) {
    Json json = Json::object();
    json.set("path", Json::string(control.overview().config_file));
    json.set("generation", Json::number(control.snapshot().generation));
    json.set("changesInForce", Json::boolean(changes.in_force()));
    json.set("file", or_empty(changes.file()));
    json.set("changes", changes.overlay());
    json.set("effective", or_empty(changes.document()));
    return json;
}

}  // namespace otto::admin
