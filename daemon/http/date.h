#pragma once

#include <string>

namespace otto::http {

/// Appends `time` (seconds since 1970) as IMF-fixdate (RFC 9110 §5.6.7), 29 bytes; years 1970 to
/// 9999.
void append_imf_fixdate(std::string& out, long long time);

}  // namespace otto::http
