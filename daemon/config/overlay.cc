#include "config/overlay.h"

#include <unordered_map>
#include <utility>

#include "config/locator.h"

namespace otto {

namespace {

constexpr std::string_view servers_key = "servers";

/// URLs are names in their normalised form alone.
std::string normalised(std::string_view name) {
    auto url = parse_server_url(name);
    return url ? std::move(url->url) : std::string(name);
}

/// The servers of a document by name. Linear lookups would be felt with thousands of them.
class ServerTable {
  public:
    ServerTable() = default;
    explicit ServerTable(const Json* list) {
        if (list == nullptr || !list->is_list()) return;
        for (const Json& entry : list->children) {
            Json server = entry;
            if (entry.is_string()) {
                server = Json::object();
                server.set("url", Json::string(entry.text));
            }
            const std::string name = server_name(server);
            put(name, std::move(server));
        }
    }

    const Json* find(const std::string& name) const {
        const auto found = index_.find(name);
        return found == index_.end() ? nullptr : &entries_[found->second];
    }
    void put(const std::string& name, Json server) {
        server.key = name;
        const auto [place, added] = index_.emplace(name, entries_.size());
        if (added) {
            entries_.push_back(std::move(server));
        } else {
            entries_[place->second] = std::move(server);
        }
    }
    void remove(const std::string& name) {
        const auto found = index_.find(name);
        if (found != index_.end()) entries_[found->second] = Json{};  // a gap until list()
    }
    const std::vector<Json>& entries() const { return entries_; }

    /// In the form of the file.
    Json list() && {
        Json list = Json::list();
        for (Json& server : entries_) {
            if (server.is_null()) continue;
            const bool plain = server.children.size() == 1 && server.find("url") != nullptr;
            list.add(plain ? std::move(server.children.front()) : std::move(server));
        }
        return list;
    }

  private:
    std::vector<Json> entries_;
    std::unordered_map<std::string, std::size_t> index_;
};

/// Applies the `servers` object of a patch.
void merge_servers(ServerTable& servers, const Json& patch, std::vector<std::string>& unused) {
    for (const Json& change : patch.children) {
        const std::string name = normalised(change.key);
        if (change.is_null()) {
            servers.remove(name);
            continue;
        }
        const Json* before = servers.find(name);
        const bool there = before != nullptr && before->is_object();
        if (!there && change.is_object() && change.find("url") == nullptr) {
            unused.push_back(change.key);
            continue;
        }
        Json merged = merge_patch(there ? *before : Json{}, change);
        if (!there && merged.is_object() && server_name(merged) != name)
            merged.set("name", Json::string(change.key));
        servers.put(name, std::move(merged));
    }
}

Json difference(const Json& from, const Json& to);

Json servers_difference(const Json* from, const Json* to) {
    const ServerTable before(from);
    const ServerTable after(to);
    Json patch = Json::object();
    for (const Json& server : before.entries())
        if (after.find(server.key) == nullptr) {
            Json& gone = patch.children.emplace_back();
            gone.key = server.key;
        }
    for (const Json& server : after.entries()) {
        const Json* old = before.find(server.key);
        Json change = old == nullptr ? server : difference(*old, server);
        if (old != nullptr && change.children.empty()) continue;
        change.key = server.key;
        patch.children.push_back(std::move(change));
    }
    return patch;
}

/// The members of an object by their keys: strangers may send very many.
std::unordered_map<std::string_view, const Json*> by_key(const Json& object) {
    std::unordered_map<std::string_view, const Json*> members;
    for (const Json& member : object.children) members.emplace(member.key, &member);
    return members;
}

/// At the end of an object that has no such member yet.
void append(Json& object, const std::string& key, Json value) {
    value.key = key;
    object.children.push_back(std::move(value));
}

/// The merge patch from one object to the other.
Json difference(const Json& from, const Json& to) {
    const auto before = by_key(from);
    const auto after = by_key(to);
    Json patch = Json::object();
    for (const Json& member : from.children)
        if (!after.contains(member.key)) append(patch, member.key, Json{});
    for (const Json& member : to.children) {
        const auto found = before.find(member.key);
        const Json* old = found == before.end() ? nullptr : found->second;
        if (old == nullptr || !old->is_object() || !member.is_object()) {
            if (old == nullptr || *old != member) append(patch, member.key, member);
            continue;
        }
        Json inner = difference(*old, member);
        if (!inner.children.empty()) append(patch, member.key, std::move(inner));
    }
    return patch;
}

}  // namespace

std::string server_name(const Json& entry) {
    if (entry.is_string()) return normalised(entry.text);
    const Json* name = entry.find("name");
    if (name != nullptr && name->is_string()) return name->text;
    return normalised(entry.text_of("url"));
}

Json merge_patch(Json target, const Json& patch) {
    if (!patch.is_object()) return patch;
    auto changes = by_key(patch);
    Json merged = Json::object();
    const auto add = [&merged](Json before, const Json& change) {
        if (!change.is_null()) append(merged, change.key, merge_patch(std::move(before), change));
    };
    if (target.is_object()) {
        for (Json& member : target.children) {
            const auto change = changes.find(member.key);
            if (change == changes.end()) {
                merged.children.push_back(std::move(member));
            } else {
                add(std::move(member), *change->second);
                changes.erase(change);
            }
        }
    }
    for (const Json& member : patch.children)
        if (changes.contains(member.key)) add(Json{}, member);
    return merged;
}

Laid lay_over(const Json& document, const Json& patch) {
    Laid laid;
    const Json* servers = patch.find(servers_key);
    if (servers == nullptr || !servers->is_object()) {
        laid.document = merge_patch(document, patch);
        return laid;
    }
    ServerTable table(document.find(servers_key));
    merge_servers(table, *servers, laid.unused);
    Json rest = patch;
    rest.erase(servers_key);
    laid.document = merge_patch(document, rest);
    laid.document.set(servers_key, std::move(table).list());
    return laid;
}

Json overlay_between(const Json& file, const Json& wanted, bool whole_list) {
    Json from = file;
    Json to = wanted;
    from.erase(servers_key);
    to.erase(servers_key);
    Json overlay = difference(from, to);
    const Json* servers = wanted.find(servers_key);
    // What is no list does not hold, which its reader is to say.
    if (servers != nullptr && (whole_list || !servers->is_list())) {
        overlay.set(servers_key, *servers);
        return overlay;
    }
    Json changes = servers_difference(file.find(servers_key), servers);
    if (!changes.children.empty()) overlay.set(servers_key, std::move(changes));
    return overlay;
}

}  // namespace otto
