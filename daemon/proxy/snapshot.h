#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "balance/candidates.h"
#include "config/config.h"

namespace otto {

/// Everything that an operator configures, as one generation of it. Immutable; exchanges pin the
/// one they began with.
struct Snapshot {
    Config config;
    std::vector<Member> members;   // in configured order
    std::uint64_t generation = 0;  // counts from 1
};

struct SnapshotBuild {
    struct Unresolved {
        std::string server;
        std::string reason;
    };
    std::shared_ptr<const Snapshot> snapshot;
    std::vector<Unresolved> unresolved;  // servers without an address, which cannot become healthy
};

/// The snapshot that `config` describes. Servers of `previous` (may be null) that are still there
/// are taken over, and with them their health. Resolves names, and may wait for DNS. Control
/// thread.
SnapshotBuild make_snapshot(Config config, const Snapshot* previous);

}  // namespace otto
