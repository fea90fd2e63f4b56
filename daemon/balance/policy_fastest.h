#pragma once

#include <cstddef>
#include <span>

#include "balance/choice.h"
#include "balance/weighted_draw.h"
#include "base/random.h"
#include "base/time.h"

namespace otto {

/// Chooses the server that is likely to answer first: the lowest latency × (active + 1) / share.
/// The latency is Server::latency, which decays without samples, so a slow server is tried again in
/// time. One of which nothing is known gets a request at once if it is idle, and counts as fast as
/// the fastest known until its answer tells. `start` is the index that is first among equals. Null
/// when none is usable. Pure; O(N).
const Choice* fastest(std::span<const Choice> choices, std::size_t start, TimePoint now,
                      Usable& usable);

/// The same of a sample drawn by share. Null when none of these is usable, though others may be.
const Choice* fastest_of_some(std::span<const Choice> choices, const WeightedDraw& draw,
                              Random& random, TimePoint now, Usable& usable);

}  // namespace otto
