#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <prometheus/client_metric.h>

#include "balance/retry.h"
#include "base/time.h"
#include "metrics/readings.h"

namespace otto::metrics {

// How Otto's values become the library's. Pure.

using Metrics = std::vector<prometheus::ClientMetric>;

/// Adds a metric without a label, or with one.
prometheus::ClientMetric& add(Metrics& metrics);
prometheus::ClientMetric& add(Metrics& metrics, const char* label, std::string value);

void set_counter(prometheus::ClientMetric& metric, std::uint64_t value);
void set_gauge(prometheus::ClientMetric& metric, double value);
void set_histogram(prometheus::ClientMetric& metric, const Latencies& latencies);

/// "1xx" to "5xx", for a label.
const char* code_class(std::size_t first_digit);
/// "connect-timeout", likewise.
const char* label_of(Failure failure);

double in_seconds(Duration duration);

}  // namespace otto::metrics
