#pragma once

#include <string_view>

namespace otto::admin {

// Entity tags in conditional requests (RFC 9110 §13.1). `field` is the value of all fields of that
// name, joined by commas. Pure.

/// If-Match: whether one of its tags begins with `version` (its quote included), by the strong
/// comparison, or it is "*". A field that makes no sense matches nothing.
bool if_match(std::string_view field, std::string_view version);
/// If-None-Match: whether none of its tags is `tag`, by the weak comparison, and it is not "*".
bool if_none_match(std::string_view field, std::string_view tag);

}  // namespace otto::admin
