#include "ctl/console/text.h"

#include <memory>
#include <optional>
#include <type_traits>

#include <langinfo.h>
#include <locale.h>
#include <wchar.h>

#include "base/handle.h"

namespace otto::ctl {

namespace {

using Locale = std::unique_ptr<std::remove_pointer_t<locale_t>, Deleter<freelocale>>;

/// wcwidth(3), whatever the locale of the process is; -1 for what cannot be printed.
int width_of(char32_t character) {
    static const Locale utf8(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr));
    if (character < 0x7f) return character < 0x20 ? -1 : 1;
    if (!utf8) return 1;
    const locale_t before = uselocale(utf8.get());
    const int width = ::wcwidth(static_cast<wchar_t>(character));
    uselocale(before);
    return width;
}

/// Changes of direction, joiners and marks: they have no width, but an effect.
bool is_invisible(char32_t character) {
    return character == 0xad || character == 0x61c || character == 0xfeff ||
           (character >= 0x200b && character <= 0x200f) ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2060 && character <= 0x206f) || character >= 0xe0000;
}

/// The character at `at`, which moves on; none when the byte there begins no character of UTF-8
/// (RFC 3629).
std::optional<char32_t> take_character(std::string_view text, std::size_t& at) {
    const auto byte = [text](std::size_t place) { return static_cast<unsigned char>(text[place]); };
    const unsigned char first = byte(at++);
    if (first < 0x80) return first;
    const std::size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || at + more > text.size()) return std::nullopt;
    char32_t character = first & (0x3f >> more);
    for (std::size_t place = at; place < at + more; ++place) {
        if ((byte(place) & 0xc0) != 0x80) return std::nullopt;
        character = (character << 6) | (byte(place) & 0x3f);
    }
    constexpr char32_t least[] = {0, 0x80, 0x800, 0x10000};
    const bool surrogate = character >= 0xd800 && character < 0xe000;
    if (character < least[more] || character > 0x10ffff || surrogate) return std::nullopt;
    at += more;
    return character;
}

/// The beginning of harmless text, in at most so many columns, which become those that it takes.
std::string_view beginning(std::string_view text, std::size_t& columns) {
    std::size_t used = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        std::size_t next = at;
        const auto character = take_character(text, next);
        const int width = character ? width_of(*character) : 1;
        const std::size_t wide = width < 0 ? 1 : static_cast<std::size_t>(width);
        if (used + wide > columns) break;
        used += wide;
        at = next;
    }
    columns = used;
    return text.substr(0, at);
}

}  // namespace

bool locale_is_utf8() {
    const Locale ours(newlocale(LC_CTYPE_MASK, "", nullptr));
    return ours && std::string_view(nl_langinfo_l(CODESET, ours.get())) == "UTF-8";
}

std::string harmless(std::string_view text, bool utf8) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t begin = at;
        const auto character = take_character(text, at);
        const bool shown = character && width_of(*character) >= 0 && !is_invisible(*character) &&
                           (utf8 || *character < 0x80);
        // A combining character needs something to combine with.
        const bool lonely = shown && out.empty() && width_of(*character) == 0;
        if (shown && !lonely) {
            out += text.substr(begin, at - begin);
        } else {
            out += '?';
        }
    }
    return out;
}

std::size_t columns_of(std::string_view text) {
    std::size_t columns = text.size() * 2;
    (void)beginning(text, columns);
    return columns;
}

std::string fitted(std::string_view text, std::size_t columns, Align align, bool utf8) {
    const std::string clean = harmless(text, utf8);
    std::size_t used = columns;
    std::string_view shown = beginning(clean, used);
    std::string out(shown);
    if (shown.size() < clean.size() && columns > 0) {
        used = columns - 1;
        out = std::string(beginning(clean, used)) + (utf8 ? "…" : "~");
        ++used;
    }
    const std::string padding(columns - used, ' ');
    return align == Align::left ? out + padding : padding + out;
}

std::string fitted_name(std::string_view text, std::size_t columns, bool utf8) {
    const std::string clean = harmless(text, utf8);
    if (columns < 3 || columns_of(clean) <= columns)
        return fitted(clean, columns, Align::left, utf8);
    std::size_t head = (columns - 1) / 2;
    const std::string_view first = beginning(clean, head);
    std::string_view last = std::string_view(clean).substr(first.size());
    while (columns_of(last) > columns - 1 - head) {
        std::size_t next = 0;
        (void)take_character(last, next);
        last.remove_prefix(next);
    }
    return fitted(std::string(first) + (utf8 ? "…" : "~") + std::string(last), columns, Align::left,
                  utf8);
}

}  // namespace otto::ctl
