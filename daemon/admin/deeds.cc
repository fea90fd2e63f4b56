#include "admin/deeds.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/phrases.h"
#include "base/users.h"
#include "config/overlay.h"
#include "config/wording.h"

namespace otto::admin {

namespace {

constexpr std::size_t most_named = 3;

using Deeds = std::vector<std::string>;

/// A value as it is spelt, or what a key without one stands for.
std::string spelt(const Json& value, std::string_view fallback) {
    return value.is_null() ? std::string(fallback) : shortened(value.compact());
}

void add_of_server(Deeds& deeds, const Json& change, bool known) {
    const std::string name = printable(change.key);
    if (change.is_null()) {
        deeds.push_back("removed " + name);
        return;
    }
    if (!known) {
        const Json url = Json::object().set("url", Json::string(change.text_of("url")));
        const bool named = server_name(url) != change.key;
        deeds.push_back(named ? fmt::format("added {} ({})", name, printable(url.text_of("url")))
                              : "added " + name);
        return;
    }
    for (const Json& member : change.children) {
        if (member.key == "state") {
            const std::string_view state = member.text;
            const std::string_view verb = state == "drain"      ? "drained"
                                          : state == "disabled" ? "disabled"
                                                                : "enabled";
            deeds.push_back(fmt::format("{} {}", verb, name));
        } else if (member.key == "weight") {
            deeds.push_back(fmt::format("set the weight of {} to {}", name, spelt(member, "1")));
        } else if (member.key == "backup") {
            deeds.push_back(fmt::format("made {} {}", name,
                                        member.is_true() ? "a backup" : "a regular server"));
        } else if (member.key == "maxConnections") {
            deeds.push_back(
                fmt::format("set maxConnections of {} to {}", name, spelt(member, "0")));
        } else {
            deeds.push_back(fmt::format("changed {} of {}", printable(member.key), name));
        }
    }
}

void add_of_key(Deeds& deeds, const Json& change, const std::string& path) {
    if (change.is_object() && !change.children.empty()) {
        for (const Json& member : change.children)
            add_of_key(deeds, member, fmt::format("{}.{}", path, printable(member.key)));
    } else if (change.is_null()) {
        deeds.push_back(fmt::format("reset {} to its default", path));
    } else {
        deeds.push_back(fmt::format("set {} to {}", path, shortened(change.compact())));
    }
}

Deeds deeds_of(const Json& before, const Json& patch) {
    Deeds deeds;
    for (const Json& change : patch.children) {
        if (change.key != "servers" || !change.is_object()) {
            add_of_key(deeds, change, printable(change.key));
            continue;
        }
        std::vector<std::string> names;
        if (const Json* servers = before.find("servers"))
            for (const Json& entry : servers->children) names.push_back(server_name(entry));
        std::ranges::sort(names);
        for (const Json& server : change.children)
            add_of_server(deeds, server, std::ranges::binary_search(names, server.key));
    }
    return deeds;
}

}  // namespace

std::string describe_deed(const Json& before, const Json& after) {
    Deeds deeds = deeds_of(before, overlay_between(before, after));
    if (deeds.empty()) return "changed the order of the servers";
    if (deeds.size() > most_named) {
        const std::size_t rest = deeds.size() - (most_named - 1);
        deeds.resize(most_named - 1);
        deeds.push_back(fmt::format("made {}", counted(rest, "more change")));
    }
    std::string text = deeds.front();
    for (std::size_t at = 1; at < deeds.size(); ++at)
        text += (at + 1 < deeds.size() ? ", " : " and ") + deeds[at];
    return text;
}

std::string describe_actor(const PlainRequest& request) {
    if (!request.local) return "an API client";
    return request.user ? user_name(*request.user) : "a local user";
}

}  // namespace otto::admin
