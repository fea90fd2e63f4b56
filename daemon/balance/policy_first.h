#pragma once

#include <span>

#include "balance/policy.h"

namespace otto {

/// Chooses the first usable one in configured order: fills one server before it begins the next, or
/// always uses the first when that has no limit.
Plan plan_first(std::span<const Choice> choices);

}  // namespace otto
