#pragma once

#include <string_view>

namespace otto::http {

/// uri-host [":" port] of RFC 9110 §7.2, the host not empty. IPvFuture and zone identifiers are
/// refused.
bool is_authority(std::string_view text);

/// Whether two authorities that is_authority() accepts are the same by RFC 9110 §4.2.3: without
/// regard to case, and the port that the scheme has by default may be left out.
bool same_authority(std::string_view left, std::string_view right, unsigned default_port);

}  // namespace otto::http
