#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/time.h"

namespace otto::ctl {

// Numbers for people, in few columns.

/// "0", "0.3", "12", "3400", "120k".
std::string rate_text(double per_second);

/// "420µs" (or "420us"), "1.2ms", "350ms", "2.1s"; "-" for none.
std::string latency_text(std::optional<double> milliseconds, bool utf8);

/// "45 s", "12 min", "3 h", "5 days".
std::string span_text(Duration duration);

/// A bar of at most `width` columns, and as many spaces as it lacks of that. `part` is of 1.
std::string bar(double part, std::size_t width, bool utf8);

/// A column for each of the last `width` values, as high as it is of the greatest; what is missing
/// at the left is blank.
std::string sparkline(std::span<const float> values, std::size_t width, bool utf8);

}  // namespace otto::ctl
