#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace otto {

/// A whole number and one of the units ms, s, m, h: "250ms", "5s", "1m", "1h". Fractions and sums
/// ("1.5s", "1m30s") are no durations.
std::optional<Duration> parse_duration(std::string_view text);

/// A whole number and one of the units KiB, MiB, GiB: "64KiB", "1MiB", "1GiB".
std::optional<Bytes> parse_size(std::string_view text);

/// A whole number of bytes a second: "240B/s", "64KiB/s", "1MiB/s".
std::optional<Bytes> parse_rate(std::string_view text);

/// A whole number in decimal digits alone.
std::optional<std::uint64_t> parse_whole(std::string_view text);

/// In the largest unit that leaves a whole number: "90s", "24h".
std::string duration_text(Duration duration);

/// In the largest unit that leaves a whole number: "1536", "64KiB".
std::string size_text(Bytes size);

/// In the largest unit that leaves a whole number: "240B/s", "64KiB/s".
std::string rate_text(Bytes rate);

}  // namespace otto
