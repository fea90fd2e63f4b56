#include "config/units.h"

#include <array>
#include <charconv>

namespace otto {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array<Unit, 4> durations{
    {{"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000}, {"ms", 1'000'000}}};
constexpr std::array<Unit, 3> sizes{{{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}}};

constexpr std::array<Unit, 3> rates{{{"MiB/s", 1u << 20}, {"KiB/s", 1u << 10}, {"B/s", 1}}};

template <std::size_t N>
std::optional<std::uint64_t> parse(std::string_view text, const std::array<Unit, N>& units) {
    const auto digits = text.find_first_not_of("0123456789");
    if (digits == std::string_view::npos) return std::nullopt;
    const auto count = parse_whole(text.substr(0, digits));
    if (!count) return std::nullopt;
    for (const Unit& unit : units) {
        if (text.substr(digits) != unit.name) continue;
        if (*count > static_cast<std::uint64_t>(INT64_MAX) / unit.factor) return std::nullopt;
        return *count * unit.factor;
    }
    return std::nullopt;
}

template <std::size_t N>
std::string spell(std::uint64_t value, const std::array<Unit, N>& units, std::string_view none) {
    for (const Unit& unit : units)
        if (value > 0 && value % unit.factor == 0)
            return std::to_string(value / unit.factor) + std::string(unit.name);
    return std::to_string(value) + std::string(none);
}

}  // namespace

std::optional<std::uint64_t> parse_whole(std::string_view text) {
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data(), end, number);
    if (text.empty() || failed != std::errc{} || rest != end) return std::nullopt;
    return number;
}

std::optional<Duration> parse_duration(std::string_view text) {
    const auto count = parse(text, durations);
    if (!count) return std::nullopt;
    return Duration(static_cast<Duration::rep>(*count));
}

std::optional<Bytes> parse_size(std::string_view text) {
    return parse(text, sizes);
}

std::optional<Bytes> parse_rate(std::string_view text) {
    return parse(text, rates);
}

std::string duration_text(Duration duration) {
    if (duration == Duration::zero()) return "0s";
    return spell(static_cast<std::uint64_t>(duration.count()), durations, "ns");
}

std::string size_text(Bytes size) {
    return spell(size, sizes, "");
}

std::string rate_text(Bytes rate) {
    return spell(rate, rates, "B/s");
}

}  // namespace otto
