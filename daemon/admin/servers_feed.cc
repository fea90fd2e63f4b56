#include "admin/servers_feed.h"

#include <algorithm>
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

void ServersFeed::begin(bool first) {
    snapshot_ = control_.shared_snapshot();
    next_ = 0;
    first_ = first;
    changed_ = Json::list();
    removed_ = Json::list();
    if (first) said_.clear();
}

bool ServersFeed::step(TimePoint now) {
    constexpr std::size_t at_once = 32;
    const auto& members = snapshot_->members();
    const std::size_t end = std::min(next_ + at_once, members.size());
    while (next_ < end && changed_.children.size() < most_at_once) look_at(members[next_++], now);
    if (next_ < members.size() && changed_.children.size() < most_at_once) return true;
    remove_gone();
    return false;
}

void ServersFeed::look_at(const Member& member, TimePoint now) {
    Said said = look(member, now);
    const auto found = said_.find(member.server->url);
    if (found != said_.end() && !differs(found->second, said)) return;
    said_.insert_or_assign(member.server->url, std::move(said));
    if (!first_) changed_.add(render_server(member, control_, changes_, now));
}

void ServersFeed::remove_gone() {
    // Each member that was looked at is there, so that this many are all.
    if (next_ == snapshot_->members().size() && said_.size() == next_) return;
    std::unordered_set<std::string_view> present;
    for (const Member& member : snapshot_->members()) present.insert(member.server->url);
    for (auto each = said_.begin(); each != said_.end();) {
        if (present.contains(each->first)) {
            ++each;
            continue;
        }
        removed_.add(Json::string(server_id(each->first)));
        each = said_.erase(each);
    }
}

std::string ServersFeed::take() {
    const std::uint64_t generation = std::exchange(snapshot_, nullptr)->generation;
    if (changed_.children.empty() && removed_.children.empty()) return "";
    return Json::object()
        .set("generation", Json::number(generation))
        .set("changed", std::move(changed_))
        .set("removed", std::move(removed_))
        .compact();
}

}  // namespace otto::admin
