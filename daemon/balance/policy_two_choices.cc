#include "balance/policy_two_choices.h"

namespace otto {

namespace {

/// Draws before giving up on finding two: when many are out, or one has nearly all of the shares.
constexpr int most_draws = 16;

/// Whether `a` has fewer requests for its share.
bool less_loaded(const Choice& a, const Choice& b) {
    return std::uint64_t{a.server->active()} * b.share <
           std::uint64_t{b.server->active()} * a.share;
}

}  // namespace

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

}  // namespace otto
