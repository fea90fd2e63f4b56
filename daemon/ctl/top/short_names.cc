#include "ctl/top/short_names.h"

#include <algorithm>

namespace otto::ctl {

std::size_t common_start(const std::vector<std::string_view>& names) {
    if (names.size() < 2) return 0;
    std::string_view common = names.front();
    for (const std::string_view name : names) {
        const auto differ = std::ranges::mismatch(common, name);
        common = common.substr(0, static_cast<std::size_t>(differ.in1 - common.begin()));
    }
    // The separator stays, so that ":5001" is seen to be a port.
    const std::size_t separator = common.find_last_of(":/.-");
    return separator == std::string_view::npos ? 0 : separator;
}

}  // namespace otto::ctl
