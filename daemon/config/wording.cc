#include "config/wording.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "config/utf8.h"

namespace otto {

namespace {

constexpr std::size_t longest_quote = 60;

char lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
}

std::size_t slips_allowed(std::string_view text, std::string_view word) {
    return std::max<std::size_t>(1, std::max(text.size(), word.size()) / 3);
}

/// Edits that turn one into the other, a swap of neighbours counting as one (optimal string
/// alignment).
std::size_t distance(std::string_view left, std::string_view right) {
    const std::size_t width = right.size() + 1;
    std::vector<std::size_t> before(width);
    std::vector<std::size_t> above(width);
    std::vector<std::size_t> row(width);
    for (std::size_t x = 0; x < width; ++x) above[x] = x;
    for (std::size_t y = 1; y <= left.size(); ++y) {
        row[0] = y;
        for (std::size_t x = 1; x < width; ++x) {
            const char l = lower(left[y - 1]);
            const char r = lower(right[x - 1]);
            row[x] = std::min({above[x] + 1, row[x - 1] + 1, above[x - 1] + (l == r ? 0 : 1)});
            if (x > 1 && y > 1 && l == lower(right[x - 2]) && r == lower(left[y - 2]))
                row[x] = std::min(row[x], before[x - 2] + 1);
        }
        before.swap(above);
        above.swap(row);
    }
    return above.back();
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t unsafe = unsafe_character(text);
        if (unsafe != 0)
            out += fmt::format("\\u{:04x}", code_point(text.substr(0, unsafe)));
        else
            out += text.front();
        text.remove_prefix(std::max<std::size_t>(unsafe, 1));
    }
    return out;
}

std::string shortened(std::string_view text) {
    if (text.size() <= longest_quote) return printable(text);
    std::size_t end = longest_quote;
    while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
    return printable(text.substr(0, end)) + "…";
}

std::string quoted(std::string_view text) {
    return "\"" + shortened(text) + "\"";
}

std::string alternatives(const std::vector<std::string_view>& words) {
    std::string out;
    for (std::size_t at = 0; at < words.size(); ++at) {
        if (at > 0) out += at + 1 == words.size() ? " or " : ", ";
        out += quoted(words[at]);
    }
    return out;
}

std::string did_you_mean(std::string_view text, const std::vector<std::string_view>& known) {
    std::string_view nearest;
    std::size_t fewest = 0;
    for (const std::string_view word : known) {
        const std::size_t allowed = slips_allowed(text, word);
        // Also keeps a hostile key of a megabyte from costing a megabyte times its neighbours.
        if (text.size() > word.size() + allowed || word.size() > text.size() + allowed) continue;
        const std::size_t edits = distance(text, word);
        if (edits > allowed || (!nearest.empty() && edits >= fewest)) continue;
        nearest = word;
        fewest = edits;
    }
    return nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest);
}

}  // namespace otto
