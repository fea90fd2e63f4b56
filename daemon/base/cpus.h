#pragma once

namespace otto {

/// The number of CPUs that this process may use, at least 1: its affinity mask, and the quota
/// (cpu.max) of its cgroup and those above it, rounded up.
unsigned usable_cpus();

}  // namespace otto
