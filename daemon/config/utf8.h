#pragma once

#include <cstddef>
#include <string_view>

namespace otto {

/// The offset of the first byte that is not well-formed UTF-8 (RFC 3629), npos when there is none.
std::size_t find_invalid_utf8(std::string_view text);

}  // namespace otto
