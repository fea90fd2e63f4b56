#pragma once

#include <span>

#include "balance/policy.h"

namespace otto {

/// Draws two different servers by share and chooses the one with fewer requests in progress for its
/// share, the one drawn first when that is equal ("the power of two choices", Mitzenmacher 2001).
/// Costs the same however many there are. When too few draws find a usable one, any will do.
Plan plan_two_choices(std::span<const Choice> choices);

}  // namespace otto
