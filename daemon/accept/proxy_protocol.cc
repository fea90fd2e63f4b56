#include "accept/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <sys/un.h>

#include "http/characters.h"

namespace otto::accept {

using http::find_control;
using http::hex_table;
using http::is_digit;
using http::look_up;

namespace {

using namespace std::string_view_literals;

constexpr std::string_view v1_start = "PROXY ";
constexpr std::size_t v1_limit = 107;
constexpr std::string_view v2_signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t v2_fixed = 16;
constexpr std::size_t path_size = 108;
constexpr unsigned type_crc32c = 0x03;

ProxyHeader incomplete() {
    return {};
}

ProxyHeader malformed(const char* reason) {
    ProxyHeader header;
    header.state = ParseState::malformed;
    header.reason = reason;
    return header;
}

ProxyHeader complete(std::size_t length) {
    ProxyHeader header;
    header.state = ParseState::complete;
    header.length = length;
    return header;
}

/// Whether `input` is the start of `start`, or starts with it.
bool agrees(std::string_view input, std::string_view start) {
    const std::size_t length = std::min(input.size(), start.size());
    return input.substr(0, length) == start.substr(0, length);
}

// ---- version 1 ---------------------------------------------------------------------------------

/// Cuts the first word and the one space after it off `text`.
std::string_view take_word(std::string_view& text) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return word;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const char* end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data(), end, port);
    if (failed != std::errc{} || rest != end) return std::nullopt;
    if (text.size() > 1 && text.front() == '0') return std::nullopt;
    return port;
}

std::optional<Address> parse_address(std::string_view ip, std::string_view port, bool v6) {
    const auto allowed = [v6](char c) {
        return c == '.' || is_digit(static_cast<unsigned char>(c)) ||
               (v6 && (c == ':' || look_up(hex_table, c) != 0));
    };
    if (!std::all_of(ip.begin(), ip.end(), allowed)) return std::nullopt;
    if (v6 && ip.find(':') == std::string_view::npos) return std::nullopt;
    const auto number = parse_port(port);
    if (!number) return std::nullopt;
    const auto address = Address::from_ip(ip, *number);
    if (!address) return std::nullopt;
    return *address;
}

/// The line without its start and its CRLF.
ProxyHeader parse_v1_words(std::string_view words, std::size_t length) {
    const std::string_view family = take_word(words);
    if (family == "UNKNOWN") return complete(length);
    const bool v6 = family == "TCP6";
    if (!v6 && family != "TCP4") return malformed("an unknown family in a PROXY line");
    const std::string_view source = take_word(words);
    const std::string_view target = take_word(words);
    const std::string_view source_port = take_word(words);
    ProxyHeader header = complete(length);
    header.client = parse_address(source, source_port, v6);
    header.destination = parse_address(target, words, v6);
    if (!header.client) return malformed("a bad source address in a PROXY line");
    if (!header.destination) return malformed("a bad destination address in a PROXY line");
    return header;
}

ProxyHeader parse_v1(std::string_view input) {
    if (!agrees(input, v1_start)) return malformed("no PROXY header");
    const std::string_view window = input.substr(0, v1_limit);
    const char* stop = find_control(window.data(), window.data() + window.size());
    const auto end = static_cast<std::size_t>(stop - window.data());
    if (end + 1 >= v1_limit) return malformed("a PROXY line of more than 107 bytes");
    if (end == window.size()) return incomplete();
    if (window[end] != '\r' || window.substr(0, end).find('\t') != std::string_view::npos)
        return malformed("a control character in a PROXY line");
    if (end + 1 == window.size()) return incomplete();
    if (window[end + 1] != '\n') return malformed("a bare CR in a PROXY line");
    return parse_v1_words(window.substr(v1_start.size(), end - v1_start.size()), end + 2);
}

// ---- version 2 ---------------------------------------------------------------------------------

unsigned byte_at(std::string_view bytes, std::size_t at) {
    return static_cast<unsigned char>(bytes[at]);
}

unsigned word_at(std::string_view bytes, std::size_t at) {
    return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1);
}

/// CRC-32C (Castagnoli), bits reversed, continued from `crc`.
std::uint32_t crc32c(std::uint32_t crc, std::string_view bytes) {
    static constexpr auto table = [] {
        std::array<std::uint32_t, 256> rows{};
        for (std::uint32_t row = 0; row < rows.size(); ++row) {
            std::uint32_t value = row;
            for (int bit = 0; bit < 8; ++bit)
                value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78u : 0u);
            rows[row] = value;
        }
        return rows;
    }();
    crc = ~crc;
    for (const char c : bytes) crc = table[(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ crc >> 8;
    return ~crc;
}

/// Whether the checksum of the four bytes at `place` is that of `header` with zeros in their place.
bool checksum_fits(std::string_view header, std::size_t place) {
    const std::uint32_t sent = word_at(header, place) << 16 | word_at(header, place + 2);
    const std::uint32_t before = crc32c(0, header.substr(0, place));
    return sent == crc32c(crc32c(before, "\0\0\0\0"sv), header.substr(place + 4));
}

/// What is wrong with the TLVs of `header` from `at` on, or null.
const char* find_bad_tlv(std::string_view header, std::size_t at) {
    bool checked = false;
    while (at < header.size()) {
        if (header.size() - at < 3) return "a truncated TLV in a PROXY header";
        const unsigned type = byte_at(header, at);
        const std::size_t length = word_at(header, at + 1);
        at += 3;
        if (length > header.size() - at) return "a TLV longer than its PROXY header";
        if (type == type_crc32c) {
            if (checked || length != 4) return "a bad checksum TLV in a PROXY header";
            if (!checksum_fits(header, at)) return "a PROXY header with a wrong checksum";
            checked = true;
        }
        at += length;
    }
    return nullptr;
}

/// How the addresses of a family stand in the block: both, then both ports.
struct Family {
    int family;
    std::size_t address;
    std::size_t port;

    std::size_t size() const { return 2 * (address + port); }
};

/// Null for values that are not defined. AF_UNSPEC has no addresses.
const Family* find_family(unsigned byte) {
    static constexpr Family unspecified{AF_UNSPEC, 0, 0};
    static constexpr Family v4{AF_INET, 4, 2};
    static constexpr Family v6{AF_INET6, 16, 2};
    static constexpr Family local{AF_UNIX, path_size, 0};
    if (byte == 0x00) return &unspecified;
    if (byte == 0x11 || byte == 0x12) return &v4;
    if (byte == 0x21 || byte == 0x22) return &v6;
    if (byte == 0x31 || byte == 0x32) return &local;
    return nullptr;
}

/// `port` has none or two bytes, in the order of the network as sockaddr wants them.
Address make_address(int family, std::string_view bytes, std::string_view port) {
    if (family == AF_INET) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        std::memcpy(&in.sin_addr, bytes.data(), sizeof in.sin_addr);
        std::memcpy(&in.sin_port, port.data(), sizeof in.sin_port);
        return {reinterpret_cast<const sockaddr*>(&in), sizeof in};
    }
    if (family == AF_INET6) {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        std::memcpy(&in.sin6_addr, bytes.data(), sizeof in.sin6_addr);
        std::memcpy(&in.sin6_port, port.data(), sizeof in.sin6_port);
        return {reinterpret_cast<const sockaddr*>(&in), sizeof in};
    }
    sockaddr_un un{};
    static_assert(sizeof un.sun_path == path_size);
    un.sun_family = AF_UNIX;
    // An abstract name's end cannot be told from its padding: such a socket counts as unnamed.
    const std::size_t end = std::min(bytes.find('\0'), bytes.size());
    const std::size_t length = end == 0 ? 0 : std::min(end + 1, bytes.size());
    std::memcpy(un.sun_path, bytes.data(), length);
    return {reinterpret_cast<const sockaddr*>(&un),
            static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length)};
}

/// `header` is all of it.
ProxyHeader parse_v2_block(std::string_view header, const Family& family) {
    const std::size_t ports = v2_fixed + 2 * family.address;
    const char* wrong = find_bad_tlv(header, v2_fixed + family.size());
    if (wrong != nullptr) return malformed(wrong);
    ProxyHeader found = complete(header.size());
    found.client = make_address(family.family, header.substr(v2_fixed, family.address),
                                header.substr(ports, family.port));
    found.destination =
        make_address(family.family, header.substr(v2_fixed + family.address, family.address),
                     header.substr(ports + family.port, family.port));
    return found;
}

ProxyHeader parse_v2(std::string_view input) {
    if (!agrees(input, v2_signature)) return malformed("no PROXY header");
    if (input.size() < 13) return incomplete();
    const unsigned version_and_command = byte_at(input, 12);
    if (version_and_command >> 4 != 2) return malformed("a PROXY header of an unknown version");
    if ((version_and_command & 0xf) > 1) return malformed("an unknown command in a PROXY header");
    const bool local = (version_and_command & 0xf) == 0;
    if (input.size() < 14) return incomplete();
    const Family* family = find_family(local ? 0 : byte_at(input, 13));
    if (family == nullptr) return malformed("an unknown family in a PROXY header");
    if (input.size() < v2_fixed) return incomplete();
    const std::size_t block = word_at(input, 14);
    if (block > max_proxy_block) return malformed("a PROXY header that is too long");
    if (block < family->size()) return malformed("a PROXY header too short for its addresses");
    if (input.size() < v2_fixed + block) return incomplete();
    if (family->family == AF_UNSPEC) return complete(v2_fixed + block);
    return parse_v2_block(input.substr(0, v2_fixed + block), *family);
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view input) {
    if (input.empty()) return incomplete();
    return input.front() == v2_signature.front() ? parse_v2(input) : parse_v1(input);
}

}  // namespace otto::accept
