#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace otto::ctl {

// Text as a terminal shows it. Names come from configuration files and from whoever may change
// servers: no byte of them may move the cursor, or take more columns than it is thought to.

/// Whether the terminal, going by the locale, takes UTF-8.
bool locale_is_utf8();

/// `text` without what a terminal would act on, in one line: control characters, characters that
/// change the direction of text or have no width, and bytes that are no UTF-8 become "?", and
/// without `utf8` everything beyond ASCII does.
std::string harmless(std::string_view text, bool utf8);

/// How many columns harmless text takes: two for wide characters, none for combining ones.
std::size_t columns_of(std::string_view text);

enum class Align { left, right };
/// Harmless text in exactly so many columns: padded, or cut, which shows by its last column.
std::string fitted(std::string_view text, std::size_t columns, Align align, bool utf8);
/// The same, cut in the middle: names that differ at the end stay apart.
std::string fitted_name(std::string_view text, std::size_t columns, bool utf8);

}  // namespace otto::ctl
