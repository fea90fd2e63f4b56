#include "proxy/snapshot.h"

#include <unordered_map>
#include <utility>

#include <fmt/format.h>

namespace otto {

namespace {

Result<std::vector<Address>> addresses_of(const ServerConfig& config) {
    if (config.socket_path.empty()) return resolve(config.host, config.port);
    auto address = Address::from_path(config.socket_path);
    if (!address) return address.error();
    return std::vector<Address>{*address};
}

/// The Host field's value for requests of Otto's own.
std::string host_of(const ServerConfig& config) {
    if (!config.socket_path.empty()) return "localhost";
    const bool six = config.host.find(':') != std::string::npos;
    const std::string host = six ? "[" + config.host + "]" : config.host;
    return config.port == 80 ? host : fmt::format("{}:{}", host, config.port);
}

}  // namespace

SnapshotBuild make_snapshot(Config config, const Snapshot* previous) {
    std::unordered_map<std::string_view, std::shared_ptr<Server>> known;
    if (previous != nullptr)
        for (const Member& member : previous->members)
            known.emplace(member.server->url, member.server);

    SnapshotBuild build;
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->members.reserve(config.servers.size());
    for (const ServerConfig& each : config.servers) {
        auto addresses = addresses_of(each);
        if (!addresses) {
            build.unresolved.push_back({each.name, addresses.error().message});
            addresses = std::vector<Address>{};
        }
        const auto found = known.find(each.url);
        // A name that leads elsewhere now is another server.
        const bool same = found != known.end() && found->second->addresses == *addresses;
        auto server = same ? found->second
                           : std::make_shared<Server>(each.url, host_of(each), each.base_path,
                                                      std::move(*addresses));
        snapshot->members.push_back(
            {.server = std::move(server), .weight = each.weight, .name = each.name});
    }
    snapshot->config = std::move(config);
    snapshot->generation = previous == nullptr ? 1 : previous->generation + 1;
    build.snapshot = std::move(snapshot);
    return build;
}

}  // namespace otto
