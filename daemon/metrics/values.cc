#include "metrics/values.h"

#include <utility>

namespace otto::metrics {

using prometheus::ClientMetric;

ClientMetric& add(Metrics& metrics) {
    return metrics.emplace_back();
}

ClientMetric& add(Metrics& metrics, const char* label, std::string value) {
    ClientMetric& metric = metrics.emplace_back();
    metric.label.push_back({label, std::move(value)});
    return metric;
}

void set_counter(ClientMetric& metric, std::uint64_t value) {
    metric.counter.value = static_cast<double>(value);
}

void set_gauge(ClientMetric& metric, double value) {
    metric.gauge.value = value;
}

void set_histogram(ClientMetric& metric, const Latencies& latencies) {
    constexpr double nanoseconds = 1e9;
    metric.histogram.bucket.reserve(observe::Histogram::bounds.size());
    std::uint64_t count = 0;
    for (std::size_t bucket = 0; bucket < observe::Histogram::bounds.size(); ++bucket) {
        count += latencies.counts[bucket];
        const auto bound = static_cast<double>(observe::Histogram::bounds[bucket]) / nanoseconds;
        metric.histogram.bucket.push_back({count, bound});
    }
    metric.histogram.sample_count = count + latencies.counts.back();
    metric.histogram.sample_sum = static_cast<double>(latencies.sum) / nanoseconds;
}

const char* code_class(std::size_t first_digit) {
    static constexpr const char* names[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
    return names[first_digit];
}

const char* label_of(Failure failure) {
    switch (failure) {
        case Failure::refused:
            return "refused";
        case Failure::connect_failed:
            return "connect-failed";
        case Failure::connect_timeout:
            return "connect-timeout";
        case Failure::reset_before_response:
            return "reset";
        case Failure::response_timeout:
            return "response-timeout";
        case Failure::malformed_response:
            return "malformed";
        case Failure::local:
            return "local";
    }
    return "";
}

double in_seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace otto::metrics
