#include "metrics/exposition.h"

#include <cmath>
#include <cstdint>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

namespace otto::metrics {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// Whole numbers up to here are written as such; a double holds them exactly.
constexpr double largest_whole = 1e15;

const char* to_string(MetricType type) {
    switch (type) {
        case MetricType::Counter:
            return "counter";
        case MetricType::Gauge:
            return "gauge";
        case MetricType::Histogram:
            return "histogram";
        case MetricType::Summary:
            return "summary";
        case MetricType::Untyped:
            return "untyped";
    }
    return "";
}

void append_number(std::string& out, double value) {
    if (std::abs(value) < largest_whole && value == std::trunc(value) && !std::signbit(value)) {
        const fmt::format_int digits(static_cast<std::uint64_t>(value));
        out.append(digits.data(), digits.size());
    } else if (std::isnan(value)) {
        out += "Nan";
    } else if (std::isinf(value)) {
        out += value < 0 ? "-Inf" : "+Inf";
    } else {
        fmt::format_to(std::back_inserter(out), "{:.16g}", value);
    }
}

/// As the format has it in label values and, but for the quotation mark, in help.
void append_escaped(std::string& out, std::string_view text) {
    for (const char byte : text) {
        if (byte == '\n') {
            out += "\\n";
        } else {
            if (byte == '\\' || byte == '"') out += '\\';
            out += byte;
        }
    }
}

/// `{name="value",…`, left open; empty without labels.
void set_labels(std::string& out, const ClientMetric& metric) {
    out.clear();
    for (const ClientMetric::Label& label : metric.label) {
        out += out.empty() ? '{' : ',';
        out += label.name;
        out += "=\"";
        append_escaped(out, label.value);
        out += '"';
    }
}

void append_line(std::string& out, std::string_view name, std::string_view suffix,
                 std::string_view labels, double value) {
    out += name;
    out += suffix;
    if (!labels.empty()) {
        out += labels;
        out += '}';
    }
    out += ' ';
    append_number(out, value);
    out += '\n';
}

/// Bounds as text, by their place in the histogram: those of a family are the same again and again.
class Bounds {
  public:
    const std::string& text(std::size_t place, double bound) {
        if (place >= texts_.size()) texts_.resize(place + 1);
        Text& known = texts_[place];
        if (known.text.empty() || known.bound != bound) {
            known.bound = bound;
            known.text.clear();
            append_number(known.text, bound);
        }
        return known.text;
    }

  private:
    struct Text {
        double bound = 0;
        std::string text;
    };
    std::vector<Text> texts_;
};

void append_histogram(std::string& out, std::string_view name, std::string_view labels,
                      const ClientMetric::Histogram& histogram, Bounds& bounds) {
    append_line(out, name, "_count", labels, static_cast<double>(histogram.sample_count));
    append_line(out, name, "_sum", labels, histogram.sample_sum);
    const std::string front =
        fmt::format("{}_bucket{}{}le=\"", name, labels, labels.empty() ? '{' : ',');
    const auto append_bucket = [&](std::size_t place, double bound, std::uint64_t count) {
        out += front;
        out += bounds.text(place, bound);
        out += "\"} ";
        const fmt::format_int digits(count);
        out.append(digits.data(), digits.size());
        out += '\n';
    };
    double last = -INFINITY;
    std::size_t place = 0;
    for (const ClientMetric::Bucket& bucket : histogram.bucket) {
        append_bucket(place++, bucket.upper_bound, bucket.cumulative_count);
        last = bucket.upper_bound;
    }
    if (last != INFINITY) append_bucket(place, INFINITY, histogram.sample_count);
}

}  // namespace

void Exposition::Serialize(std::ostream& out, const std::vector<MetricFamily>& families) const {
    std::string text;
    for (const MetricFamily& family : families) {
        append_head(text, family);
        append_metrics(text, family);
    }
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
}

void Exposition::append_head(std::string& out, const MetricFamily& family) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", family.name, family.help, family.name,
                       to_string(family.type));
}

void Exposition::append_metrics(std::string& out, const MetricFamily& family) {
    std::string labels;
    Bounds bounds;
    for (const ClientMetric& metric : family.metric) {
        set_labels(labels, metric);
        switch (family.type) {
            case MetricType::Counter:
                append_line(out, family.name, "", labels, metric.counter.value);
                break;
            case MetricType::Gauge:
                append_line(out, family.name, "", labels, metric.gauge.value);
                break;
            case MetricType::Histogram:
                append_histogram(out, family.name, labels, metric.histogram, bounds);
                break;
            case MetricType::Summary:
            case MetricType::Untyped:
                break;  // Otto has none
        }
    }
}

}  // namespace otto::metrics
