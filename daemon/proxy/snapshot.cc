#include "proxy/snapshot.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

namespace otto {

namespace {

/// Of a name that is expanded: the one that answers for a name may not grow Otto without limit.
constexpr std::size_t max_expanded = 1000;

bool has_name(const ServerConfig& config) {
    return config.socket_path.empty() && !Address::from_ip(config.host, config.port);
}

std::string bracketed(const std::string& host) {
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

/// The Host field's value for requests of Otto's own.
std::string host_of(const ServerConfig& config) {
    if (!config.socket_path.empty()) return "localhost";
    const std::string host = bracketed(config.host);
    return config.port == 80 ? host : fmt::format("{}:{}", host, config.port);
}

/// Whether `server` is still the one to use now that its name has these addresses.
bool goes_on(const Server& server, const std::vector<Address>& addresses) {
    if (same_addresses(server.addresses, addresses)) return true;
    if (server.health() != Health::healthy || server.addresses.empty()) return false;
    const Address& answering = server.addresses[server.preferred() % server.addresses.size()];
    return std::ranges::find(addresses, answering) != addresses.end();
}

/// Makes the members of one snapshot.
class Builder {
  public:
    Builder(const Snapshot* previous, const NameAnswers& answers) : answers_(answers) {
        if (previous == nullptr) return;
        candidates_ = previous->pools.front().candidates;
        known_.reserve(previous->members().size());
        for (const Member& member : previous->members())
            known_.emplace(member.server->url, member.server);
    }

    SnapshotBuild build(std::shared_ptr<const Config> config, std::uint64_t generation) {
        members_.reserve(config->servers.size());
        if (std::ranges::any_of(config->servers, &ServerConfig::expand))
            for (const ServerConfig& each : config->servers) taken_.insert(each.url);
        for (const ServerConfig& each : config->servers) add(each);
        Pool pool{std::make_shared<const std::vector<Member>>(std::move(members_)),
                  std::move(candidates_)};
        if (!pool.candidates) pool.candidates = Candidates::build({}, {.settled = false}, 0);
        return {std::make_shared<const Snapshot>(std::move(config), generation, std::move(pool)),
                std::move(unresolved_)};
    }

  private:
    void add(const ServerConfig& config) {
        if (!has_name(config)) {
            add_literal(config);
            return;
        }
        const auto found = answers_.find(config.host);
        const NameAnswer answer = found == answers_.end() ? NameAnswer{} : found->second;
        if (config.expand && !answer.addresses.empty()) {
            expand(config, answer.addresses);
            return;
        }
        std::vector<Address> addresses;
        for (const Address& address : answer.addresses)
            addresses.push_back(address.with_port(config.port));
        add_member(config, config.url, config.name, std::move(addresses), answer.trouble);
    }

    void add_literal(const ServerConfig& config) {
        auto address = config.socket_path.empty() ? Address::from_ip(config.host, config.port)
                                                  : Address::from_path(config.socket_path);
        if (address) {
            add_member(config, config.url, config.name, {*std::move(address)}, "");
        } else {
            add_member(config, config.url, config.name, {}, address.error().message);
        }
    }

    void expand(const ServerConfig& config, std::vector<Address> addresses) {
        // By address, since the order of answers means nothing.
        std::ranges::sort(addresses, {}, &Address::ip_bytes);
        addresses.resize(std::min(addresses.size(), max_expanded));
        for (const Address& address : addresses) {
            const std::string ip = address.ip();
            std::string url =
                fmt::format("http://{}:{}{}", bracketed(ip), config.port, config.base_path);
            if (!taken_.insert(url).second) continue;
            add_member(config, std::move(url), fmt::format("{} ({})", config.name, ip),
                       {address.with_port(config.port)}, "");
        }
    }

    void add_member(const ServerConfig& config, std::string url, std::string name,
                    std::vector<Address> addresses, const std::string& trouble) {
        std::string host = host_of(config);
        const auto found = known_.find(url);
        const bool same = found != known_.end() && found->second->host == host &&
                          goes_on(*found->second, addresses);
        auto server =
            same ? found->second
                 : std::make_shared<Server>(
                       std::move(url), std::move(host), config.base_path, std::move(addresses),
                       found != known_.end() ? found->second->metrics : nullptr);
        if (server->addresses.empty() && !trouble.empty()) unresolved_.push_back({server, trouble});
        members_.push_back({.server = std::move(server),
                            .weight = config.weight,
                            .name = std::move(name),
                            .backup = config.backup,
                            .max_connections = config.max_connections,
                            .state = config.state});
    }

    const NameAnswers& answers_;
    std::shared_ptr<const Candidates> candidates_;                         // of before
    std::unordered_map<std::string_view, std::shared_ptr<Server>> known_;  // of before, by URL
    std::unordered_set<std::string> taken_;  // URLs; only when names are expanded
    std::vector<Member> members_;
    std::vector<SnapshotBuild::Unresolved> unresolved_;
};

}  // namespace

Snapshot::Snapshot(std::shared_ptr<const Config> configured, std::uint64_t number, Pool pool)
    : configuration(std::move(configured)), config(*configuration), generation(number) {
    auto ids = std::make_shared<std::vector<std::uint64_t>>();
    ids->reserve(pool.members->size());
    for (const Member& member : *pool.members) ids->push_back(member.server->id);
    std::ranges::sort(*ids);
    servers = std::move(ids);
    pools.push_back(std::move(pool));
}

SnapshotBuild make_snapshot(Config config, const Snapshot* previous, const NameAnswers& answers) {
    const std::uint64_t generation = previous == nullptr ? 1 : previous->generation + 1;
    return Builder(previous, answers)
        .build(std::make_shared<const Config>(std::move(config)), generation);
}

SnapshotBuild renew_snapshot(const Snapshot& current, const NameAnswers& answers) {
    SnapshotBuild build =
        Builder(&current, answers).build(current.configuration, current.generation);
    if (std::ranges::equal(build.snapshot->members(), current.members(), {}, &Member::server,
                           &Member::server))
        build.snapshot.reset();
    return build;
}

bool same_servers(const Snapshot& one, const Snapshot& other) {
    return one.configuration == other.configuration && one.servers == other.servers;
}

std::shared_ptr<const Snapshot> with_candidates(const Snapshot& snapshot,
                                                std::shared_ptr<const Candidates> candidates) {
    auto changed = std::make_shared<Snapshot>(snapshot);
    changed->pools.front().candidates = std::move(candidates);
    return changed;
}

bool all_out_of_service(const Pool& pool) {
    return std::ranges::none_of(*pool.members, [](const Member& member) {
        return member.state == ServerState::active && member.weight > 0;
    });
}

const char* why_unavailable(const Pool& pool) {
    if (pool.members->empty()) return "no server is configured";
    return all_out_of_service(pool) ? "all servers are drained or disabled"
                                    : "no server is available";
}

std::vector<std::string> names_of(const Config& config) {
    std::vector<std::string> names;
    for (const ServerConfig& server : config.servers)
        if (has_name(server)) names.push_back(server.host);
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

}  // namespace otto
