#include "ctl/console/figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

namespace otto::ctl {

namespace {

constexpr std::array<std::string_view, 8> heights = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 8> ascii_heights = {"_", ".", ":", "-", "=", "+", "*", "#"};
/// Eighths of a column.
constexpr std::array<std::string_view, 8> parts = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

}  // namespace

std::string rate_text(double per_second) {
    if (per_second < 0.05) return "0";
    if (per_second < 9.95) return fmt::format("{:.1f}", per_second);
    if (per_second < 99'999.5) return fmt::format("{:.0f}", per_second);
    return fmt::format("{:.0f}k", per_second / 1000);
}

std::string latency_text(std::optional<double> milliseconds, bool utf8) {
    if (!milliseconds) return "-";
    const double value = *milliseconds;
    if (value < 0.9995) return fmt::format("{:.0f}{}", value * 1000, utf8 ? "µs" : "us");
    if (value < 99.95) return fmt::format("{:.1f}ms", value);
    if (value < 9999.5) return fmt::format("{:.0f}ms", value);
    return fmt::format("{:.1f}s", value / 1000);
}

std::string span_text(Duration duration) {
    const auto count = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
    if (count < 120) return fmt::format("{} s", count);
    if (count < 7200) return fmt::format("{} min", count / 60);
    if (count < 2 * 86'400) return fmt::format("{} h", count / 3600);
    return fmt::format("{} days", count / 86'400);
}

std::string bar(double part, std::size_t width, bool utf8) {
    const double eighths = std::clamp(part, 0.0, 1.0) * 8 * static_cast<double>(width);
    auto count = static_cast<std::size_t>(std::lround(eighths));
    if (part > 0 && count == 0) count = 1;
    if (!utf8) {
        const std::size_t whole = std::min(width, (count + 7) / 8);
        return std::string(whole, '#') + std::string(width - whole, ' ');
    }
    std::string out;
    for (std::size_t column = 0; column < count / 8; ++column) out += "█";
    out += parts[count % 8];
    return out + std::string(width - (count + 7) / 8, ' ');
}

std::string sparkline(std::span<const float> values, std::size_t width, bool utf8) {
    if (values.size() > width) values = values.last(width);
    const float most = values.empty() ? 0 : *std::ranges::max_element(values);
    std::string out(width - values.size(), ' ');
    for (const float value : values) {
        std::size_t height = 0;
        if (most > 0 && value > 0)
            height = std::clamp<std::size_t>(
                static_cast<std::size_t>(std::lround(value / most * 7)), 1, 7);
        out += utf8 ? heights[height] : ascii_heights[height];
    }
    return out;
}

}  // namespace otto::ctl
