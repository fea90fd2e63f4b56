#include "accesslog/log_text.h"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "config/utf8.h"

namespace otto::accesslog {

namespace {

constexpr std::string_view upper_digits = "0123456789ABCDEF";
constexpr std::string_view lower_digits = "0123456789abcdef";
constexpr std::string_view replacement = "\xef\xbf\xbd";
constexpr std::ptrdiff_t longest_number = 20;

/// Bytes that a JSON string and a quoted one may have as they are.
constexpr std::array<bool, 256> plain = [] {
    std::array<bool, 256> table{};
    for (unsigned byte = 0x20; byte < 0x7f; ++byte) table[byte] = byte != '"' && byte != '\\';
    return table;
}();

bool is_high(char byte) {
    return static_cast<unsigned char>(byte) >= 0x80;
}

}  // namespace

LogText& LogText::put_number(std::uint64_t number) {
    end_ = std::to_chars(end_, end_ + longest_number, number).ptr;
    return *this;
}

LogText& LogText::put_padded(std::uint64_t number, int digits) {
    std::uint64_t bound = 10;
    for (; digits > 1; --digits) {
        if (number < bound) put('0');
        bound *= 10;
    }
    return put_number(number);
}

LogText& LogText::put_seconds(Duration duration) {
    constexpr std::uint64_t thousand = 1000;
    constexpr std::uint64_t million = 1'000'000;
    const std::uint64_t microseconds = static_cast<std::uint64_t>(duration.count()) / thousand;
    put_number(microseconds / million).put('.');
    // Six digits, the last first.
    std::uint64_t rest = microseconds % million;
    for (int at = 5; at >= 0; --at, rest /= 10) end_[at] = static_cast<char>('0' + rest % 10);
    end_ += 6;
    return *this;
}

LogText& LogText::put_ip(const std::array<std::uint8_t, 16>& ip, bool ipv4) {
    if (ipv4) {
        put_number(ip[12]).put('.').put_number(ip[13]).put('.');
        return put_number(ip[14]).put('.').put_number(ip[15]);
    }
    char text[INET6_ADDRSTRLEN] = {};
    if (inet_ntop(AF_INET6, ip.data(), text, sizeof text) != nullptr) put(std::string_view(text));
    return *this;
}

/// Puts what it begins with that may stay as it is; the rest.
std::string_view LogText::put_plain_run(std::string_view text) {
    const char* at = text.data();
    const char* const end = at + text.size();
    for (; at != end && plain[static_cast<unsigned char>(*at)]; ++at) *end_++ = *at;
    return {at, static_cast<std::size_t>(end - at)};
}

void LogText::put_unicode_escape(unsigned character) {
    put("\\u");
    for (int shift = 12; shift >= 0; shift -= 4) put(lower_digits[character >> shift & 0xf]);
}

/// Of bytes that are not UTF-8, those that some decoders would take for an unsafe character are
/// escaped, too.
void LogText::put_visible(std::string_view text) {
    while (!text.empty()) {
        const std::size_t unsafe = unsafe_character(text);
        if (unsafe != 0)
            put_unicode_escape(code_point(text.substr(0, unsafe)));
        else
            put(text.front());
        text.remove_prefix(std::max<std::size_t>(unsafe, 1));
    }
}

/// A run of bytes beyond ASCII.
void LogText::put_high(std::string_view text) {
    while (!text.empty()) {
        const std::size_t bad = find_invalid_utf8(text);
        put_visible(text.substr(0, bad));
        if (bad == std::string_view::npos) return;
        put(replacement);
        text.remove_prefix(bad + 1);
    }
}

LogText& LogText::add_json(std::string_view text) {
    if (!has_room(text.size() * most_escaped)) return *this;
    for (;;) {
        text = put_plain_run(text);
        if (text.empty()) return *this;
        if (is_high(text.front())) {
            const auto end = std::ranges::find_if_not(text, is_high);
            const auto length = static_cast<std::size_t>(end - text.begin());
            put_high(text.substr(0, length));
            text.remove_prefix(length);
            continue;
        }
        if (text.front() == '"' || text.front() == '\\') {
            put('\\').put(text.front());
        } else {
            put_unicode_escape(static_cast<unsigned char>(text.front()));
        }
        text.remove_prefix(1);
    }
}

LogText& LogText::add_escaped(std::string_view text) {
    if (!has_room(text.size() * most_escaped)) return *this;
    for (;;) {
        text = put_plain_run(text);
        if (text.empty()) return *this;
        const auto byte = static_cast<unsigned char>(text.front());
        put("\\x").put(upper_digits[byte >> 4]).put(upper_digits[byte & 0xf]);
        text.remove_prefix(1);
    }
}

}  // namespace otto::accesslog
