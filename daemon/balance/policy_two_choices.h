#pragma once

#include <span>

#include "balance/choice.h"
#include "balance/weighted_draw.h"
#include "base/random.h"

namespace otto {

/// Draws two different servers by share and chooses the one with the fewer requests under way for
/// its share, the one drawn first when that is equal ("the power of two choices", Mitzenmacher
/// 2001). Costs the same however many there are. Null when too few draws were of usable ones to
/// find any, though others may be. Pure.
const Choice* two_choices(std::span<const Choice> choices, const WeightedDraw& draw, Random& random,
                          Usable& usable);

}  // namespace otto
