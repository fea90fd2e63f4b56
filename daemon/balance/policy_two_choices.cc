#include "balance/policy_two_choices.h"

#include <memory>

#include "balance/choice.h"
#include "balance/weighted_draw.h"

namespace otto {

namespace {

/// Draws before giving up on finding two: when many are out, or one has nearly all of the shares.
constexpr int most_draws = 16;

/// Whether `a` has fewer requests for its share.
bool less_loaded(const Choice& a, const Choice& b) {
    return std::uint64_t{a.server->active()} * b.share <
           std::uint64_t{b.server->active()} * a.share;
}

const Choice* two_choices(std::span<const Choice> choices, const WeightedDraw& draw, Random& random,
                          Usable& usable) {
    const Choice* one = nullptr;
    for (int draws = 0; draws < most_draws; ++draws) {
        const Choice& drawn = choices[draw.draw(random)];
        if (&drawn == one || !usable(drawn)) continue;
        if (one != nullptr) return less_loaded(drawn, *one) ? &drawn : one;
        one = &drawn;
    }
    return one;
}

}  // namespace

Plan plan_two_choices(std::span<const Choice> choices) {
    return [choices, draw = std::make_shared<const WeightedDraw>(choices)](const Seat& seat) {
        return Chooser([choices, draw, random = seat.random](
                           const Asked& /*asked*/, bool /*takes_turn*/, Usable& usable) mutable {
            const Choice* choice = two_choices(choices, *draw, random, usable);
            return choice != nullptr ? choice : any_usable(choices, random, usable);
        });
    };
}

}  // namespace otto
