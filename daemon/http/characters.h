#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace otto::http {

/// The character classes of RFC 9110 §5.6.2, §5.5 and RFC 3986, as tables, and the scanning that
/// every parser builds on. Pure.
using CharacterTable = std::array<std::uint8_t, 256>;

template <typename Predicate>
constexpr CharacterTable character_table(Predicate predicate) {
    CharacterTable table{};
    for (unsigned c = 0; c < table.size(); ++c) table[c] = predicate(c) ? 1 : 0;
    return table;
}

constexpr bool is_digit(unsigned c) {
    return c >= '0' && c <= '9';
}
constexpr bool is_alpha(unsigned c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

constexpr bool is_one_of(unsigned c, std::string_view set) {
    for (const char each : set)
        if (c == static_cast<unsigned char>(each)) return true;
    return false;
}

/// tchar, RFC 9110 §5.6.2. An underscore is 2, so that a name's characters or-ed together tell
/// whether it has one.
inline constexpr CharacterTable token_table = [] {
    auto table = character_table(
        [](unsigned c) { return is_digit(c) || is_alpha(c) || is_one_of(c, "!#$%&'*+-.^`|~"); });
    table['_'] = 2;
    return table;
}();

/// What a request target may have: visible ASCII without '#', which starts a fragment and never
/// goes over the wire.
inline constexpr CharacterTable target_table =
    character_table([](unsigned c) { return c > 0x20 && c < 0x7f && c != '#'; });

/// reg-name of RFC 3986 §3.2.2, percent-encoding aside, without the comma: a host that looks like a
/// list is refused.
inline constexpr CharacterTable host_table = character_table(
    [](unsigned c) { return is_digit(c) || is_alpha(c) || is_one_of(c, "-._~!$&'()*+;="); });

/// Value of a hexadecimal digit plus one; 0: not a digit.
inline constexpr CharacterTable hex_table = [] {
    CharacterTable table{};
    for (unsigned i = 0; i < 10; ++i) table['0' + i] = static_cast<std::uint8_t>(i + 1);
    for (unsigned i = 0; i < 6; ++i)
        table['a' + i] = table['A' + i] = static_cast<std::uint8_t>(i + 11);
    return table;
}();

/// ASCII letters to lower case, everything else to itself.
inline constexpr CharacterTable lower_table = [] {
    CharacterTable table{};
    for (unsigned c = 0; c < table.size(); ++c)
        table[c] = static_cast<std::uint8_t>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return table;
}();

constexpr std::uint8_t look_up(const CharacterTable& table, char c) {
    return table[static_cast<unsigned char>(c)];
}

/// The first byte of [begin, end) that is a control character (0x00–0x1f, 0x7f) other than HTAB,
/// or `end`.
inline const char* find_control(const char* begin, const char* end) {
#if defined(__SSE2__)
    const __m128i last_control = _mm_set1_epi8(0x1f);
    const __m128i del = _mm_set1_epi8(0x7f);
    const __m128i tab = _mm_set1_epi8('\t');
    for (; end - begin >= 16; begin += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin));
        const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
        const __m128i found = _mm_or_si128(low, _mm_cmpeq_epi8(bytes, del));
        const int hits = _mm_movemask_epi8(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), found));
        if (hits != 0) return begin + std::countr_zero(static_cast<unsigned>(hits));
    }
#endif
    constexpr std::uint64_t ones = 0x0101010101010101;
    while (end - begin >= 8) {
        std::uint64_t bytes = 0;
        std::memcpy(&bytes, begin, sizeof bytes);
        if constexpr (std::endian::native == std::endian::big) bytes = __builtin_bswap64(bytes);
        const std::uint64_t del_bytes = bytes ^ (ones * 0x7f);
        // A borrow only ever reaches the bytes above a true hit, so the lowest flag is exact.
        const std::uint64_t hits =
            (((bytes - ones * 0x20) & ~bytes) | ((del_bytes - ones) & ~del_bytes)) & (ones * 0x80);
        begin += hits != 0 ? std::countr_zero(hits) / 8 : 8;
        if (hits == 0) continue;
        if (*begin != '\t') return begin;
        ++begin;
    }
    for (; begin != end; ++begin) {
        const bool control = static_cast<unsigned char>(*begin) < 0x20 || *begin == 0x7f;
        if (control && *begin != '\t') return begin;
    }
    return end;
}

/// `text` without the SP and HTAB around it.
constexpr std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

constexpr bool is_token(std::string_view text) {
    for (const char c : text)
        if (look_up(token_table, c) == 0) return false;
    return !text.empty();
}

/// The first byte of [begin, end) that is neither a comma nor white space, or `end`.
inline const char* skip_separators(const char* begin, const char* end) {
#if defined(__SSE2__)
    const __m128i comma = _mm_set1_epi8(',');
    const __m128i space = _mm_set1_epi8(' ');
    const __m128i tab = _mm_set1_epi8('\t');
    for (; end - begin >= 16; begin += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin));
        const __m128i blank =
            _mm_or_si128(_mm_cmpeq_epi8(bytes, space), _mm_cmpeq_epi8(bytes, tab));
        const int hits = _mm_movemask_epi8(_mm_or_si128(blank, _mm_cmpeq_epi8(bytes, comma)));
        if (hits != 0xffff) return begin + std::countr_one(static_cast<unsigned>(hits));
    }
#endif
    while (begin != end && (*begin == ',' || is_blank(*begin))) ++begin;
    return begin;
}

/// `list` without the commas and the white space that it begins with.
inline std::string_view without_separators(std::string_view list) {
    const char* const begin = skip_separators(list.data(), list.data() + list.size());
    return list.substr(static_cast<std::size_t>(begin - list.data()));
}

/// Calls `visit(element)` with each element of a comma-separated list (RFC 9110 §5.6.1) that is not
/// empty, trimmed, until it returns false. Returns whether it never did. A list may be nothing but
/// commas: they cost little.
template <typename Visit>
bool for_each_element(std::string_view list, Visit visit) {
    const char* const end = list.data() + list.size();
    for (const char* at = list.data(); (at = skip_separators(at, end)) != end;) {
        std::string_view rest(at, static_cast<std::size_t>(end - at));
        rest = rest.substr(0, rest.find(','));
        at += rest.size();
        if (!visit(trim(rest))) return false;
    }
    return true;
}

}  // namespace otto::http
