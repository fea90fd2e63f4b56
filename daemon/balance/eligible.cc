#include "balance/eligible.h"

#include <algorithm>
#include <utility>

namespace otto {

namespace {

/// In the order of preference.
enum class Group : std::uint8_t { in, backup, ejected, unhealthy, none };

bool may_serve(const Member& member) {
    switch (member.state) {
        case ServerState::active:
            return member.weight > 0;
        case ServerState::drain:
        case ServerState::disabled:
            return false;
    }
    return false;
}

Group group_of(const Member& member, const Ejections& ejections, bool settled) {
    if (!may_serve(member)) return Group::none;
    switch (member.server->health()) {
        case Health::healthy:
            if (ejections.out(member.server->id)) return Group::ejected;
            return member.backup ? Group::backup : Group::in;
        case Health::unknown:
        case Health::unhealthy:
            return settled && !member.server->addresses.empty() ? Group::unhealthy : Group::none;
    }
    return Group::none;
}

void share_out(std::vector<Member>& members, const SlowStart& slow_start, TimePoint now) {
    bool growing = false;
    for (Member& member : members) {
        const unsigned level = slow_start.level(member.server->id, now);
        growing = growing || level != SlowStart::steps;
        member.share = member.weight * level;
    }
    if (growing) return;
    for (Member& member : members) member.share = member.weight;
}

}  // namespace

bool is_in(const Member& member, const Ejections& ejections) {
    return may_serve(member) && member.server->health() == Health::healthy &&
           !ejections.out(member.server->id);
}

std::vector<std::uint64_t> servers_in(const std::vector<Member>& members,
                                      const Ejections& ejections) {
    std::vector<std::uint64_t> servers;
    servers.reserve(members.size());
    for (const Member& member : members)
        if (is_in(member, ejections)) servers.push_back(member.server->id);
    return servers;
}

bool may_eject(std::uint64_t server, const std::vector<Member>& members, const Ejections& ejections,
               unsigned max_percent) {
    std::size_t all = 0;
    std::size_t out = 1;  // with this one
    bool another = false;
    for (const Member& each : members) {
        if (!may_serve(each)) continue;
        ++all;
        if (ejections.out(each.server->id)) ++out;
        another = another || (each.server->id != server && is_in(each, ejections));
    }
    return another && (out == 1 || out * 100 <= all * max_percent);
}

Eligible eligible(const std::vector<Member>& members, const Ejections& ejections,
                  const SlowStart& slow_start, bool settled, TimePoint now) {
    // Health is read once: workers may take servers out meanwhile.
    std::vector<Group> groups;
    groups.reserve(members.size());
    Group best = Group::none;
    for (const Member& member : members) {
        groups.push_back(group_of(member, ejections, settled));
        best = std::min(best, groups.back());
    }

    Eligible result;
    result.failing_open = best == Group::ejected || best == Group::unhealthy;
    result.unhealthy = best == Group::unhealthy;
    result.members.reserve(members.size());
    for (std::size_t at = 0; at < members.size(); ++at) {
        const Member& member = members[at];
        if (groups[at] == best && best != Group::none) result.members.push_back(member);
        if (groups[at] == Group::backup && best == Group::in) result.reserve.push_back(member);
        // A backup is not disturbed while others serve.
        if (groups[at] == Group::ejected && ejections.half_open(member.server->id) &&
            (!member.backup || best != Group::in))
            result.half_open.push_back(member);
    }
    if (result.failing_open) {
        for (Member& member : result.members) member.share = member.weight;
    } else {
        share_out(result.members, slow_start, now);
        share_out(result.reserve, slow_start, now);
    }
    result.next_change = ejections.next_end();
    if (const auto step = slow_start.next_step(now))
        result.next_change = std::min(result.next_change.value_or(TimePoint::max()), *step);
    return result;
}

}  // namespace otto
