#include "balance/policy_round_robin.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "balance/choice.h"
#include "balance/smooth_order.h"
#include "balance/stride_schedule.h"

namespace otto {

namespace {

using Indices = std::vector<std::uint32_t>;

std::uint64_t turn_of(std::atomic<std::uint64_t>& next, bool takes_turn) {
    // A second try takes no turn, or a server that fails would be first in line each time.
    return takes_turn ? next.fetch_add(1, std::memory_order_relaxed)
                      : next.load(std::memory_order_relaxed);
}

const Choice* next_in_order(std::span<const Choice> choices, const Indices& order,
                            std::uint64_t turn, Usable& usable) {
    std::size_t slot = turn % order.size();
    for (std::size_t left = order.size(); left > 0; --left) {
        const Choice& choice = choices[order[slot]];
        if (usable(choice)) return &choice;
        slot = slot + 1 == order.size() ? 0 : slot + 1;
    }
    return nullptr;
}

const Choice* next_by_stride(std::span<const Choice> choices, StrideSchedule& stride,
                             Random& random, Usable& usable) {
    // Enough turns that a usable one has almost certainly come up, if many are.
    constexpr int turns = 64;
    for (int turn = 0; turn < turns; ++turn) {
        const Choice& choice = choices[stride.next()];
        if (usable(choice)) return &choice;
    }
    return any_usable(choices, random, usable);
}

Plan plan_order(std::span<const Choice> choices, Indices made) {
    return [choices, order = std::make_shared<const Indices>(std::move(made))](const Seat& seat) {
        return Chooser([choices, order, &next = seat.turn](const Asked& /*asked*/, bool takes_turn,
                                                           Usable& usable) {
            return next_in_order(choices, *order, turn_of(next, takes_turn), usable);
        });
    };
}

Plan plan_strides(std::span<const Choice> choices, Indices weights) {
    const std::uint64_t cycle = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
    return [choices, weights = std::move(weights), cycle](const Seat& seat) -> Chooser {
        // Workers that begin in step would all send to the heaviest servers at the same time.
        const std::uint64_t phase = cycle * seat.worker / std::max(seat.workers, 1u);
        const std::uint64_t turn = seat.turn.load(std::memory_order_relaxed);
        return
            [choices, stride = StrideSchedule(weights, turn % cycle + phase), random = seat.random,
             &next = seat.turn](const Asked& /*asked*/, bool takes_turn, Usable& usable) mutable {
                turn_of(next, takes_turn);
                return next_by_stride(choices, stride, random, usable);
            };
    };
}

}  // namespace

Plan plan_round_robin(std::span<const Choice> choices) {
    Indices shares;
    shares.reserve(choices.size());
    for (const Choice& choice : choices) shares.push_back(choice.share);
    Indices order = smooth_order(shares, max_slots);
    if (!order.empty() || choices.empty()) return plan_order(choices, std::move(order));
    return plan_strides(choices, reduced_weights(shares));
}

}  // namespace otto
