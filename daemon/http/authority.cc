#include "http/authority.h"

#include <charconv>
#include <utility>

#include <arpa/inet.h>

#include "http/characters.h"
#include "http/fields.h"

namespace otto::http {

namespace {

bool is_port(std::string_view text) {
    unsigned port = 0;
    for (const char c : text) {
        if (!is_digit(static_cast<unsigned char>(c))) return false;
        port = port * 10 + static_cast<unsigned>(c - '0');
        if (port > 65535) return false;
    }
    return text.size() <= 5;
}

bool is_ipv6(std::string_view text) {
    char terminated[INET6_ADDRSTRLEN] = {};
    if (text.size() >= sizeof terminated) return false;
    text.copy(terminated, text.size());
    in6_addr address{};
    return inet_pton(AF_INET6, terminated, &address) == 1;
}

/// An authority that is_authority() accepted, taken apart. A port that is not there, or empty, is
/// `default_port`.
std::pair<std::string_view, unsigned> split_authority(std::string_view authority,
                                                      unsigned default_port) {
    const std::size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos || authority.ends_with(']'))
        return {authority, default_port};
    unsigned port = default_port;
    std::from_chars(authority.data() + colon + 1, authority.data() + authority.size(), port);
    return {authority.substr(0, colon), port};
}

}  // namespace

bool is_authority(std::string_view text) {
    if (text.empty()) return false;
    std::size_t end = 0;
    if (text.front() == '[') {
        const auto bracket = text.find(']');
        if (bracket == std::string_view::npos || !is_ipv6(text.substr(1, bracket - 1)))
            return false;
        end = bracket + 1;
    } else {
        for (; end < text.size() && text[end] != ':'; ++end) {
            if (look_up(host_table, text[end]) != 0) continue;
            if (text[end] != '%' || text.size() - end < 3) return false;
            if (look_up(hex_table, text[end + 1]) == 0 || look_up(hex_table, text[end + 2]) == 0)
                return false;
            end += 2;
        }
        if (end == 0) return false;
    }
    return end == text.size() || (text[end] == ':' && is_port(text.substr(end + 1)));
}

bool same_authority(std::string_view left, std::string_view right, unsigned default_port) {
    const auto [left_host, left_port] = split_authority(left, default_port);
    const auto [right_host, right_port] = split_authority(right, default_port);
    return left_port == right_port && equal_ignoring_case(left_host, right_host);
}

}  // namespace otto::http
