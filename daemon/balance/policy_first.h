#pragma once

#include <span>

#include "balance/choice.h"

namespace otto {

/// Chooses the first usable one in configured order: fills one server before it begins the next, or
/// always uses the first when that has no limit. Null when none is usable. Pure.
const Choice* first(std::span<const Choice> choices, Usable& usable);

}  // namespace otto
