#pragma once

#include <span>

#include "balance/policy.h"

namespace otto {

/// Chooses the server that is likely to answer first: the lowest latency × (active + 1) / share.
/// The latency is Server::latency, which decays without samples, so a slow server is tried again in
/// time. A server whose latency is not known receives a request at once if it is idle, and counts
/// as fast as the fastest known until its answer tells. Equals take turns at random. Compares all,
/// or a sample that is drawn by share. O(N).
Plan plan_fastest(std::span<const Choice> choices);

}  // namespace otto
