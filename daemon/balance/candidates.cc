#include "balance/candidates.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>

#include "balance/policy_fastest.h"
#include "balance/policy_first.h"
#include "balance/policy_two_choices.h"
#include "balance/smooth_order.h"

namespace otto {

namespace {

/// Failing open, how long a server that refused a connection is asked after the others.
constexpr Duration rest = std::chrono::seconds(1);

}  // namespace

std::shared_ptr<const Candidates> Candidates::build(std::vector<Member> members,
                                                    Selection selection, std::uint64_t start) {
    auto cursor = std::make_shared<Cursor>();
    cursor->next.store(start, std::memory_order_relaxed);
    return build_at(std::move(members), std::move(selection), std::move(cursor), start);
}

std::shared_ptr<const Candidates> Candidates::build(std::vector<Member> members,
                                                    Selection selection,
                                                    const Candidates& predecessor) {
    return build_at(std::move(members), std::move(selection), predecessor.cursor_,
                    predecessor.seed_ + 1);
}

std::shared_ptr<const Candidates> Candidates::build_at(std::vector<Member> members,
                                                       Selection selection,
                                                       std::shared_ptr<Cursor> cursor,
                                                       std::uint64_t seed) {
    std::erase_if(members, [](const Member& member) { return member.share == 0; });
    auto candidates = std::make_shared<Candidates>();
    candidates->choices_.reserve(members.size());
    for (const Member& member : members) {
        candidates->choices_.push_back({member.server.get(), member.share, member.max_connections});
        candidates->total_share_ += member.share;
    }
    candidates->all_limited_ =
        !members.empty() && std::ranges::all_of(members, [](const Member& member) {
            return member.max_connections != 0;
        });
    candidates->members_ = std::move(members);
    candidates->selection_ = std::move(selection);
    candidates->cursor_ = std::move(cursor);
    candidates->seed_ = seed;
    candidates->index_servers();
    candidates->prepare_policy();
    return candidates;
}

void Candidates::index_servers() {
    by_server_.resize(choices_.size());
    std::iota(by_server_.begin(), by_server_.end(), 0u);
    std::sort(by_server_.begin(), by_server_.end(), [this](std::uint32_t a, std::uint32_t b) {
        return std::less<>()(choices_[a].server, choices_[b].server);
    });
}

const Choice* Candidates::find(const Server* server) const {
    const auto found = std::lower_bound(by_server_.begin(), by_server_.end(), server,
                                        [this](std::uint32_t index, const Server* wanted) {
                                            return std::less<>()(choices_[index].server, wanted);
                                        });
    if (found == by_server_.end() || choices_[*found].server != server) return nullptr;
    return &choices_[*found];
}

double Candidates::share_of(const Server& server) const {
    const Choice* choice = find(&server);
    if (choice == nullptr) return 0;
    if (selection_.policy == Policy::first) return choice == &choices_.front() ? 1 : 0;
    return static_cast<double>(choice->share) / static_cast<double>(total_share_);
}

void Candidates::prepare_policy() {
    switch (selection_.policy) {
        case Policy::round_robin: {
            std::vector<std::uint32_t> shares;
            shares.reserve(choices_.size());
            for (const Choice& choice : choices_) shares.push_back(choice.share);
            order_ = smooth_order(shares, max_slots);
            if (order_.empty()) weights_ = reduced_weights(shares);
            return;
        }
        case Policy::least_connections:
        case Policy::fastest:
            if (size() > Picker::most_compared) draw_ = WeightedDraw(choices_);
            return;
        case Policy::two_choices:
            draw_ = WeightedDraw(choices_);
            return;
        case Policy::ip_hash:
            rendezvous_ = Rendezvous(choices_);
            return;
        case Policy::first:
            return;
    }
}

Picker::Picker(std::shared_ptr<const Candidates> candidates, unsigned worker, unsigned workers)
    : candidates_(std::move(candidates)),
      random_(Random(candidates_->seed_ * 0x10000 + worker).next()) {
    if (const auto& reserve = candidates_->selection_.reserve)
        reserve_ = std::make_unique<Picker>(reserve, worker, workers);
    if (candidates_->selection_.policy == Policy::least_connections &&
        candidates_->size() <= most_compared)
        least_connections_ = LeastConnections(candidates_->choices_, random_.next());
    if (candidates_->selection_.policy == Policy::ip_hash && candidates_->size() > most_compared)
        homes_.resize(homes_kept);
    if (candidates_->weights_.empty()) return;
    std::uint64_t cycle = 0;
    for (const std::uint32_t weight : candidates_->weights_) cycle += weight;
    // Workers that begin in step would all send to the heaviest servers at the same time.
    const std::uint64_t phase = cycle * worker / std::max(workers, 1u);
    stride_ = StrideSchedule(candidates_->weights_, candidates_->position() % cycle + phase);
}

Picked Picker::pick(const Asked& asked) {
    const Picked picked = pick_member(asked);
    if (picked.server != nullptr || picked.saturated || !reserve_) return picked;
    Picked reserve = reserve_->pick(asked);
    reserve.outdated = reserve.outdated || picked.outdated;
    return reserve;
}

Picked Picker::pick_member(const Asked& asked) {
    const bool first_try = asked.tried.empty();
    if (first_try && !candidates_->selection_.trials.empty())
        if (Server* server = take_trial()) return {.server = server, .trial = true};
    if (candidates_->empty()) return {};
    if (!candidates_->unhealthy()) return pick_usable(asked, first_try, Usable(asked.tried));
    const Picked picked =
        pick_usable(asked, first_try, Usable::failing_open(asked.tried, asked.now - rest));
    if (picked.server != nullptr) return picked;
    return pick_usable(asked, false, Usable::failing_open(asked.tried, TimePoint::max()));
}

Picked Picker::pick_usable(const Asked& asked, bool takes_turn, Usable usable) {
    if (asked.wanted != nullptr) {
        const Choice* wanted = candidates_->find(asked.wanted);
        if (wanted != nullptr && usable(*wanted))
            return {.server = wanted->server, .most = wanted->most};
    }
    const Choice* choice = choose(asked, takes_turn, usable);
    if (choice == nullptr) return {.saturated = usable.saturated(), .outdated = usable.outdated()};
    return {.server = choice->server, .most = choice->most, .saturated = usable.saturated()};
}

Server* Picker::take_trial() {
    for (const auto& server : candidates_->selection_.trials)
        if (server->health() != Health::unhealthy && server->take_trial()) return server.get();
    return nullptr;
}

const Choice* Picker::choose(const Asked& asked, bool takes_turn, Usable& usable) {
    const std::span<const Choice> choices = candidates_->choices_;
    const WeightedDraw& draw = candidates_->draw_;
    const Choice* choice = nullptr;
    switch (candidates_->selection_.policy) {
        case Policy::round_robin:
            return next_in_turn(takes_turn, usable);
        case Policy::first:
            return first(choices, usable);
        case Policy::ip_hash:
            return candidates_->rendezvous_.pick(choices, asked.client, random_.next(), homes_,
                                                 usable);
        case Policy::least_connections:
            if (choices.size() <= most_compared) return least_connections_.pick(choices, usable);
            choice = least_connections_of_some(choices, draw, random_, usable);
            break;
        case Policy::two_choices:
            choice = two_choices(choices, draw, random_, usable);
            break;
        case Policy::fastest:
            if (choices.size() <= most_compared)
                return fastest(choices, random_.next() % choices.size(), asked.now, usable);
            choice = fastest_of_some(choices, draw, random_, asked.now, usable);
            break;
    }
    return choice != nullptr ? choice : any(usable);
}

const Choice* Picker::any(Usable& usable) {
    const std::span<const Choice> choices = candidates_->choices_;
    const std::size_t start = random_.next() % choices.size();
    const Choice* choice = first(choices.subspan(start), usable);
    return choice != nullptr ? choice : first(choices.first(start), usable);
}

const Choice* Picker::next_in_turn(bool takes_turn, Usable& usable) {
    std::atomic<std::uint64_t>& next = candidates_->cursor_->next;
    // A second try takes nobody's turn, or a server that fails would be first in line each time.
    const auto position = takes_turn ? next.fetch_add(1, std::memory_order_relaxed)
                                     : next.load(std::memory_order_relaxed);
    return stride_.empty() ? next_in_order(position, usable) : next_by_stride(usable);
}

const Choice* Picker::next_in_order(std::uint64_t position, Usable& usable) const {
    const std::vector<std::uint32_t>& order = candidates_->order_;
    std::size_t slot = position % order.size();
    for (std::size_t left = order.size(); left > 0; --left) {
        const Choice& choice = candidates_->choices_[order[slot]];
        if (usable(choice)) return &choice;
        slot = slot + 1 == order.size() ? 0 : slot + 1;
    }
    return nullptr;
}

const Choice* Picker::next_by_stride(Usable& usable) {
    // Enough turns that somebody usable has almost certainly come up, if many are.
    constexpr int turns = 64;
    for (int turn = 0; turn < turns; ++turn) {
        const Choice& choice = candidates_->choices_[stride_.next()];
        if (usable(choice)) return &choice;
    }
    return any(usable);
}

}  // namespace otto
