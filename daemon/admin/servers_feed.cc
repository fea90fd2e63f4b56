#include "admin/servers_feed.h"

#include <cmath>
#include <unordered_set>
#include <utility>

#include "admin/render.h"

namespace otto::admin {

namespace {

/// Of a share, that is worth an event: or else all of a thousand servers would be different
/// whenever one comes or goes.
constexpr double noticeable = 0.005;

}  // namespace

ServersFeed::Said ServersFeed::look(const Member& member, TimePoint now) const {
    Said said{.name = member.name,
              .state = member.state,
              .weight = member.weight,
              .backup = member.backup,
              .max_connections = member.max_connections,
              .changed = changes_.touches(member.name),
              .health = member.server->health(),
              .condition = control_.condition(member, now)};
    if (member.state != ServerState::active) said.left = member.server->active();
    said.condition.health_for = Duration::zero();
    said.condition.ejected_for = Duration::zero();
    return said;
}

bool ServersFeed::differs(const Said& before, const Said& after) {
    const double share = before.condition.share;
    const bool moved = std::abs(share - after.condition.share) > noticeable ||
                       (share == 0) != (after.condition.share == 0);
    if (moved) return true;
    Said same = before;
    same.condition.share = after.condition.share;
    return same != after;
}

void ServersFeed::begin(TimePoint now) {
    said_.clear();
    for (const Member& member : control_.snapshot().members)
        said_.emplace(member.server->url, look(member, now));
}

std::string ServersFeed::next(TimePoint now) {
    const Snapshot& snapshot = control_.snapshot();
    Json changed = Json::list();
    for (const Member& member : snapshot.members) {
        if (changed.children.size() >= most_at_once) break;
        Said said = look(member, now);
        const auto found = said_.find(member.server->url);
        if (found != said_.end() && !differs(found->second, said)) continue;
        said_.insert_or_assign(member.server->url, std::move(said));
        changed.add(render_server(member, control_, changes_, now));
    }
    Json removed = Json::list();
    std::unordered_set<std::string_view> present;
    for (const Member& member : snapshot.members) present.insert(member.server->url);
    for (auto each = said_.begin(); each != said_.end();) {
        if (present.contains(each->first)) {
            ++each;
            continue;
        }
        removed.add(Json::string(server_id(each->first)));
        each = said_.erase(each);
    }
    if (changed.children.empty() && removed.children.empty()) return "";
    return Json::object()
        .set("generation", Json::number(snapshot.generation))
        .set("changed", std::move(changed))
        .set("removed", std::move(removed))
        .compact();
}

}  // namespace otto::admin
