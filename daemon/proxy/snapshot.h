#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "balance/candidates.h"
#include "base/names.h"
#include "config/config.h"
#include "http/message.h"

namespace otto {

/// Servers that requests are balanced over.
struct Pool {
    /// In configured order; those of an expanded name by address. Shared by the snapshots that
    /// differ in other things.
    std::shared_ptr<const std::vector<Member>> members;
    /// Those of them that receive requests.
    std::shared_ptr<const Candidates> candidates;
};

/// Where a request goes.
struct Route {
    std::size_t pool = 0;  // in Snapshot::pools
};

/// Chooses the route of each request. So far there is one route.
class Router {
  public:
    const Route& find(const http::RequestHead&) const { return route_; }

  private:
    Route route_;
};

/// What workers serve by, published as one object: all that an operator configures, and which
/// servers receive requests. Immutable; exchanges pin the one they began with.
struct Snapshot {
    Snapshot(std::shared_ptr<const Config> configured, std::uint64_t number, Pool pool);
    Snapshot(const Snapshot&) = default;
    Snapshot& operator=(const Snapshot&) = delete;

    const Pool& pool_of(const Route& route) const { return pools[route.pool]; }
    /// All servers.
    const std::vector<Member>& members() const { return *pools.front().members; }
    const Candidates& candidates() const { return *pools.front().candidates; }

    std::shared_ptr<const Config> configuration;
    const Config& config;          // *configuration
    std::uint64_t generation = 0;  // of the configuration; counts from 1
    Router router;
    std::vector<Pool> pools;                                    // one, so far
    std::shared_ptr<const std::vector<std::uint64_t>> servers;  // the Server::id of each, sorted
};

/// Whether both have the same configuration and the same servers: they differ at most in which
/// servers receive requests.
bool same_servers(const Snapshot& one, const Snapshot& other);

/// The same with other candidates.
std::shared_ptr<const Snapshot> with_candidates(const Snapshot& snapshot,
                                                std::shared_ptr<const Candidates> candidates);

struct SnapshotBuild {
    /// A server without an address, which cannot become healthy.
    struct Unresolved {
        std::shared_ptr<Server> server;
        std::string reason;
    };
    std::shared_ptr<const Snapshot> snapshot;
    std::vector<Unresolved> unresolved;
};

/// The snapshot that `config` describes, with what is known about its names; waits for nothing. A
/// name is one server, without an address until there is an answer, unless it is to be expanded:
/// then each address is one, up to 1,000 of a name, with the address in its URL and the name in its
/// Host field. An address that another entry has by itself stays that entry's.
///
/// Servers of `previous` (may be null) that are still there are taken over, and with them all that
/// is known about them. A name that leads elsewhere is another server under the same URL, which
/// starts as a new one does; not so while the server is healthy at an address that the name still
/// has. Its candidates are those of `previous`, or unsettled ones without a member. Control thread.
SnapshotBuild make_snapshot(Config config, const Snapshot* previous, const NameAnswers& answers);

/// The same configuration and generation with what is known about names now; the snapshot is null
/// when that changes nothing.
SnapshotBuild renew_snapshot(const Snapshot& current, const NameAnswers& answers);

/// Whether no server is to receive requests: there is none, or all are drained or disabled.
bool all_out_of_service(const Pool& pool);

/// Why no server can be asked, while none can: "all servers are drained or disabled".
const char* why_unavailable(const Pool& pool);

/// The names that servers are configured by, each once: no literal addresses.
std::vector<std::string> names_of(const Config& config);

}  // namespace otto
