#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "balance/candidates.h"
#include "proxy/snapshot.h"

namespace otto {

/// A healthy member for each share, as tests of balancing use them.
inline std::vector<Member> members_of(const std::vector<std::uint32_t>& shares) {
    std::vector<Member> members;
    for (std::size_t i = 0; i < shares.size(); ++i) {
        const std::string url = "http://127.0.0.1:" + std::to_string(i + 1);
        auto server = std::make_shared<Server>(url, url, "", std::vector<Address>{});
        server->set_health(Health::healthy);
        members.push_back({.server = std::move(server), .name = url, .share = shares[i]});
    }
    return members;
}

inline std::map<const Server*, std::size_t> indices_of(const std::vector<Member>& members) {
    std::map<const Server*, std::size_t> indices;
    for (std::size_t i = 0; i < members.size(); ++i) indices[members[i].server.get()] = i;
    return indices;
}

/// A snapshot of these servers, none of which receives requests.
inline std::shared_ptr<const Snapshot> snapshot_of(std::vector<Member> members,
                                                   std::uint64_t generation = 1) {
    return std::make_shared<const Snapshot>(
        std::make_shared<const Config>(), generation,
        Pool{std::make_shared<const std::vector<Member>>(std::move(members)),
             Candidates::build({}, {}, 0)});
}

}  // namespace otto
