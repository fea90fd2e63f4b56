#include "control/rotation.h"

#include <algorithm>
#include <utility>

namespace otto::control {

namespace {

/// Between two changes that come by time alone: when ejections of many servers end one after the
/// other, they end in batches.
constexpr Duration least_wait = std::chrono::milliseconds(10);

}  // namespace

Rotation::Rotation(Callbacks callbacks)
    : callbacks_(std::move(callbacks)), members_(std::make_shared<const std::vector<Member>>()) {}

void Rotation::adopt(Members members, const Config& config) {
    members_ = std::move(members);
    places_.clear();
    places_.reserve(members_->size());
    for (std::size_t at = 0; at < members_->size(); ++at)
        places_.emplace((*members_)[at].server->id, at);
    policy_ = config.balance;
    consecutive_errors_ = config.ejection.consecutive_errors;
    max_percent_ = config.ejection.max_percent;
    ejections_.configure(config.ejection.base, config.ejection.max);
    slow_start_.configure(config.slow_start);

    std::erase_if(ejection_reasons_, [this](const auto& each) { return !find(each.first); });
    for (const std::uint64_t server : ejections_.known()) {
        const Member* member = find(server);
        const bool disabled = member != nullptr && member->state == ServerState::disabled;
        if (member != nullptr && !disabled && consecutive_errors_ != 0) continue;
        const bool was_out = ejections_.out(server);
        ejections_.forget(server);
        if (member != nullptr && was_out)
            un_eject(*member, disabled ? "it is disabled" : "ejection is off");
    }
}

const Member* Rotation::find(std::uint64_t server) const {
    const auto found = places_.find(server);
    return found == places_.end() ? nullptr : &(*members_)[found->second];
}

std::string Rotation::ejection_reason(std::uint64_t server) const {
    const auto found = ejection_reasons_.find(server);
    return found == ejection_reasons_.end() ? "" : found->second;
}

std::shared_ptr<const Candidates> Rotation::build(const Candidates& predecessor, bool settled,
                                                  TimePoint now) {
    offer_probe_requests(now);
    slow_start_.note(servers_in(*members_, ejections_), now, !std::exchange(started_, true));
    Eligible eligible = otto::eligible(*members_, ejections_, slow_start_, settled, now);
    next_change_ = eligible.next_change;
    if (next_change_) next_change_ = std::max(*next_change_, now + least_wait);
    set_service(eligible, settled);

    Selection selection{.policy = policy_,
                        .settled = settled,
                        .failing_open = eligible.failing_open,
                        .unhealthy = eligible.unhealthy,
                        .half_open = std::move(eligible.half_open)};
    if (!eligible.reserve.empty()) {
        const Candidates* before = predecessor.reserve();
        const Selection plain{.policy = policy_, .settled = settled};
        selection.reserve = before != nullptr
                                ? Candidates::build(std::move(eligible.reserve), plain, *before)
                                : Candidates::build(std::move(eligible.reserve), plain, 0);
    }
    return Candidates::build(std::move(eligible.members), std::move(selection), predecessor);
}

void Rotation::offer_probe_requests(TimePoint now) {
    for (const std::uint64_t server : ejections_.expire(now))
        if (const Member* member = find(server)) member->server->offer_probe_request();
}

void Rotation::set_service(const Eligible& eligible, bool settled) {
    // While healths are unknown requests wait, and without a configuration no server is missing.
    if (eligible.members.empty() && !settled) return;
    Service service = eligible.failing_open ? Service::failing_open : Service::normal;
    if (eligible.members.empty() && !members_->empty()) service = Service::none;
    service_ = service;
}

void Rotation::errors_in_a_row(std::uint64_t server, unsigned count, TimePoint now) {
    const Member* member = find(server);
    if (member == nullptr || consecutive_errors_ == 0 || count < consecutive_errors_) return;
    if (!is_in(*member, ejections_)) return;
    if (!may_eject(server, *members_, ejections_, max_percent_)) {
        member->server->metrics->ejections_denied.add();
        return;
    }
    if (const auto ejected = ejections_.eject(server, now))
        eject(*member, *ejected, std::to_string(count) + " errors in a row");
}

void Rotation::probe_request_ended(std::uint64_t server, bool passed, TimePoint now) {
    const Member* member = find(server);
    if (member == nullptr) return;
    if (passed) {
        if (ejections_.un_eject(server, now)) un_eject(*member, "the probe request succeeded");
    } else if (const auto ejected = ejections_.eject_again(server, now)) {
        eject(*member, *ejected, "the probe request failed");
    }
}

void Rotation::check_passed(const Server& server, TimePoint now) {
    const Member* member = find(server.id);
    if (member == nullptr || server.health() != Health::healthy) return;
    if (ejections_.un_eject(server.id, now)) un_eject(*member, "a check passed");
}

void Rotation::recovered(const Server& server) {
    const Member* member = find(server.id);
    if (member == nullptr || !ejections_.out(server.id)) return;
    ejections_.forget(server.id);
    un_eject(*member, "it was unhealthy and has recovered");
}

void Rotation::eject(const Member& member, const Ejections::Ejected& ejected,
                     const std::string& reason) {
    ejection_reasons_[member.server->id] = reason;
    callbacks_.on_ejected(member, ejected, reason);
    callbacks_.on_change();
}

void Rotation::un_eject(const Member& member, const std::string& reason) {
    member.server->take_probe_request();
    member.server->note_success();  // its count starts over
    callbacks_.on_back(member, reason);
    callbacks_.on_change();
}

}  // namespace otto::control
