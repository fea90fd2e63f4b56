#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/snapshot.h"

namespace otto::admin {

/// Finds the servers of a snapshot by what the API calls them. Made again for another snapshot, at
/// the first question about it. Control thread.
class ServerIndex {
  public:
    /// A server as it is configured, by its name, its URL or its id; null: there is none.
    const ServerConfig* find(const std::shared_ptr<const Snapshot>& snapshot, std::string_view id);
    /// What became of it: one member, or as many as the addresses of a name that is expanded.
    std::vector<const Member*> members_of(const ServerConfig& server) const;
    /// An address of a name that is expanded, by the same; null: there is none.
    const Member* find_member(std::string_view id) const;

  private:
    void build(std::shared_ptr<const Snapshot> snapshot);

    std::shared_ptr<const Snapshot> snapshot_;
    // Views of the snapshot; ids, as what they are digits of (server_key()).
    std::unordered_map<std::string_view, const ServerConfig*> by_name_, by_url_;
    std::unordered_map<std::uint64_t, const ServerConfig*> by_key_;
    std::unordered_map<std::string_view, const Member*> members_by_name_, members_by_url_;
    std::unordered_map<std::uint64_t, const Member*> members_by_key_;
};

}  // namespace otto::admin
