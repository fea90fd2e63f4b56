#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace otto {

/// The weights divided by their greatest common divisor. Pure.
std::vector<std::uint32_t> reduced_weights(std::span<const std::uint32_t> weights);

/// One whole cycle of the smooth weighted order over the weights' indices, as StrideSchedule gives
/// it out: each index as often as its reduced weight says, spread evenly, equal weights in the
/// order of their indices. Indices of weight 0 are left out. Empty when the reduced weights sum to
/// more than `max_slots`. Pure; O(S log N) for a sum S.
std::vector<std::uint32_t> smooth_order(std::span<const std::uint32_t> weights,
                                        std::size_t max_slots);

}  // namespace otto
