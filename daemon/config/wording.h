#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace otto {

/// `text` with its unsafe characters (config/utf8.h) escaped as \uXXXX: whatever a file holds, it
/// stays one harmless line on a terminal.
std::string printable(std::string_view text);

/// `text` in double quotes, printable, cut to about 60 bytes.
std::string quoted(std::string_view text);

/// Like quoted(), without adding the quotes: for what is spelt as JSON already.
std::string shortened(std::string_view text);

/// `"a", "b" or "c"`.
std::string alternatives(const std::vector<std::string_view>& words);

/// `; did you mean "WORD"?` with the word of `known` that is nearest to `text`, or "" when none is
/// near. Letter case and one slip in three letters (a wrong, missing, extra or swapped letter) are
/// forgiven.
std::string did_you_mean(std::string_view text, const std::vector<std::string_view>& known);

}  // namespace otto
