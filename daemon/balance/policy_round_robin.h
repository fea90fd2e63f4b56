#pragma once

#include <cstddef>
#include <span>

#include "balance/policy.h"

namespace otto {

/// A longer order than this is not kept as a table.
inline constexpr std::size_t max_slots = 65'536;

/// Servers take turns by their shares, in a smooth order that all workers share: a first try takes
/// the next turn, however many are passed over, a second one takes none. Instead of an order of
/// more than `max_slots`, each worker has a stride schedule of its own, whose shares are as exact,
/// worker by worker; there the turns of those that are passed over lapse.
Plan plan_round_robin(std::span<const Choice> choices);

}  // namespace otto
