#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace otto::ctl {

/// How many bytes at the start of all names say nothing on a screen: what they have in common, up
/// to the separator (":", "/", "." or "-") before the first difference. 0 for a single name.
std::size_t common_start(const std::vector<std::string_view>& names);

}  // namespace otto::ctl
