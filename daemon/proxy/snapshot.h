#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "balance/candidates.h"
#include "base/names.h"
#include "config/config.h"

namespace otto {

/// Everything that an operator configures, as one generation of it. Immutable; exchanges pin the
/// one they began with.
struct Snapshot {
    Config config;
    std::vector<Member> members;  // in configured order; those of an expanded name by address
    std::vector<std::uint64_t> servers;  // the Server::id of each, sorted
    std::uint64_t generation = 0;        // counts from 1
};

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
/// has. Control thread.
SnapshotBuild make_snapshot(Config config, const Snapshot* previous, const NameAnswers& answers);

/// The same configuration and generation with what is known about names now; the snapshot is null
/// when that changes nothing.
SnapshotBuild renew_snapshot(const Snapshot& current, const NameAnswers& answers);

/// Whether no server is to receive requests: there is none, or all are drained or disabled.
bool all_out_of_service(const Snapshot& snapshot);

/// Why no server can be asked, while none can: "all servers are drained or disabled".
const char* why_unavailable(const Snapshot& snapshot);

/// The names that servers are configured by, each once: no literal addresses.
std::vector<std::string> names_of(const Config& config);

}  // namespace otto
