#include "balance/candidates.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "balance/smooth_order.h"

namespace otto {

namespace {

bool usable(const Server* server, std::span<Server* const> tried) {
    return server->health() == Health::healthy &&
           std::find(tried.begin(), tried.end(), server) == tried.end();
}

}  // namespace

std::shared_ptr<const Candidates> Candidates::build(std::vector<Member> members,
                                                    std::uint64_t start, bool settled) {
    auto cursor = std::make_shared<Cursor>();
    cursor->next.store(start, std::memory_order_relaxed);
    return build_at(std::move(members), std::move(cursor), settled);
}

std::shared_ptr<const Candidates> Candidates::build(std::vector<Member> members,
                                                    const Candidates& predecessor, bool settled) {
    return build_at(std::move(members), predecessor.cursor_, settled);
}

std::shared_ptr<const Candidates> Candidates::build_at(std::vector<Member> members,
                                                       std::shared_ptr<Cursor> cursor,
                                                       bool settled) {
    std::erase_if(members, [](const Member& member) {
        return member.weight == 0 || member.server->health() != Health::healthy;
    });
    std::vector<std::uint32_t> weights;
    weights.reserve(members.size());
    for (const Member& member : members) weights.push_back(member.weight);

    auto candidates = std::make_shared<Candidates>();
    candidates->order_ = smooth_order(weights, max_slots);
    if (candidates->order_.empty()) candidates->weights_ = reduced_weights(weights);
    candidates->eligible_ = std::move(members);
    candidates->settled_ = settled;
    candidates->cursor_ = std::move(cursor);
    return candidates;
}

Picker::Picker(std::shared_ptr<const Candidates> candidates, unsigned worker, unsigned workers)
    : candidates_(std::move(candidates)) {
    if (candidates_->weights_.empty()) return;
    std::uint64_t cycle = 0;
    for (const std::uint32_t weight : candidates_->weights_) cycle += weight;
    // Workers that begin in step would all send to the heaviest servers at the same time.
    const std::uint64_t phase = cycle * worker / std::max(workers, 1u);
    stride_ = StrideSchedule(candidates_->weights_, candidates_->position() % cycle + phase);
}

Server* Picker::pick(std::span<Server* const> tried) {
    if (candidates_->empty()) return nullptr;
    std::atomic<std::uint64_t>& next = candidates_->cursor_->next;
    // A second try takes nobody's turn, or a server that fails would be first in line each time.
    const auto position = tried.empty() ? next.fetch_add(1, std::memory_order_relaxed)
                                        : next.load(std::memory_order_relaxed);
    return stride_.empty() ? pick_from_order(position, tried) : pick_by_stride(tried);
}

Server* Picker::pick_from_order(std::uint64_t position, std::span<Server* const> tried) {
    const std::vector<std::uint32_t>& order = candidates_->order_;
    std::size_t slot = position % order.size();
    for (std::size_t left = order.size(); left > 0; --left) {
        Server* server = candidates_->eligible_[order[slot]].server.get();
        if (usable(server, tried)) return server;
        slot = slot + 1 == order.size() ? 0 : slot + 1;
    }
    return nullptr;
}

Server* Picker::pick_by_stride(std::span<Server* const> tried) {
    // Enough turns that somebody usable has almost certainly come up, if many are.
    constexpr int turns = 64;
    const std::vector<Member>& eligible = candidates_->eligible_;
    std::size_t index = 0;
    for (int turn = 0; turn < turns; ++turn) {
        index = stride_.next();
        if (usable(eligible[index].server.get(), tried)) return eligible[index].server.get();
    }
    for (std::size_t left = eligible.size(); left > 0; --left) {
        index = index + 1 == eligible.size() ? 0 : index + 1;
        if (usable(eligible[index].server.get(), tried)) return eligible[index].server.get();
    }
    return nullptr;
}

}  // namespace otto
