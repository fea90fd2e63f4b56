#pragma once

#include <cstddef>
#include <string_view>

namespace otto {

/// The offset of the first byte that is not well-formed UTF-8 (RFC 3629), npos when there is none.
std::size_t find_invalid_utf8(std::string_view text);

/// How many bytes `text`, which is well-formed UTF-8, begins with of a character that must not be
/// shown as it is: a control character (C0, DEL, C1), one that changes the direction of text (bidi
/// controls), or one that ends a line (U+2028, U+2029). 0: it begins with none of them.
std::size_t unsafe_character(std::string_view text);

/// The code point of such a character, all of which lie below U+10000.
unsigned code_point(std::string_view character);

}  // namespace otto
