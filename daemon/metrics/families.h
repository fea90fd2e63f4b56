#pragma once

#include <span>

#include <prometheus/metric_type.h>

#include "base/process.h"
#include "metrics/readings.h"
#include "metrics/values.h"

namespace otto::metrics {

/// What metrics are made of. Valid during the call.
struct Source {
    const Readings& readings;
    const ProcessUse& process;
    // Some of the servers, or all, each at the same place in all three.
    std::span<const Member> members;
    std::span<const Readings::Standing> standings;
    std::span<const ServerTotals> totals;
};

/// A metric family: its name, what it is, and how its metrics come about.
struct FamilyRow {
    const char* name;
    prometheus::MetricType type;
    const char* help;
    void (*fill)(const Source& from, Metrics& metrics);
};

/// Of Otto as a whole, in families.cc.
std::span<const FamilyRow> families_in_all();
/// Of each server in the source, with a label `server`, the configured name; in
/// families_of_servers.cc.
std::span<const FamilyRow> families_of_servers();

}  // namespace otto::metrics
