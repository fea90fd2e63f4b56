#include "admin/server_index.h"

#include <charconv>
#include <optional>
#include <utility>

#include "balance/affinity.h"
#include "config/locator.h"

namespace otto::admin {

namespace {

template <typename Map, typename Key>
auto look_up(const Map& map, const Key& key) {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : found->second;
}

/// Of an id, which is exactly 16 digits in lower case.
std::optional<std::uint64_t> key_of(std::string_view id) {
    if (id.size() != 16 || id.find_first_not_of("0123456789abcdef") != std::string_view::npos)
        return std::nullopt;
    std::uint64_t key = 0;
    std::from_chars(id.data(), id.data() + id.size(), key, 16);
    return key;
}

}  // namespace

void ServerIndex::build(std::shared_ptr<const Snapshot> snapshot) {
    *this = ServerIndex();
    snapshot_ = std::move(snapshot);
    for (const ServerConfig& server : snapshot_->config.servers) {
        by_name_.emplace(server.name, &server);
        by_url_.emplace(server.url, &server);
        by_key_.emplace(server_key(server.url), &server);
    }
    for (const Member& member : snapshot_->members()) {
        members_by_name_.emplace(member.name, &member);
        members_by_url_.emplace(member.server->url, &member);
        members_by_key_.emplace(server_key(member.server->url), &member);
    }
}

const ServerConfig* ServerIndex::find(const std::shared_ptr<const Snapshot>& snapshot,
                                      std::string_view id) {
    if (!snapshot_ || !same_servers(*snapshot_, *snapshot)) build(snapshot);
    if (const ServerConfig* named = look_up(by_name_, id)) return named;
    if (const auto url = parse_server_url(id)) return look_up(by_url_, std::string_view(url->url));
    const auto key = key_of(id);
    return key ? look_up(by_key_, *key) : nullptr;
}

std::vector<const Member*> ServerIndex::members_of(const ServerConfig& server) const {
    std::vector<const Member*> members;
    if (const Member* one = look_up(members_by_name_, std::string_view(server.name)))
        members.push_back(one);
    if (!server.expand) return members;
    const std::string prefix = server.name + " (";
    for (const Member& member : snapshot_->members())
        if (member.name.starts_with(prefix)) members.push_back(&member);
    return members;
}

const Member* ServerIndex::find_member(std::string_view id) const {
    if (const Member* named = look_up(members_by_name_, id)) return named;
    if (const Member* there = look_up(members_by_url_, id)) return there;
    const auto key = key_of(id);
    return key ? look_up(members_by_key_, *key) : nullptr;
}

}  // namespace otto::admin
