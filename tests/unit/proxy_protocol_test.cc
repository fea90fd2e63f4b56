#include "accept/proxy_protocol.h"

#include <gtest/gtest.h>

namespace otto::accept {

namespace {

using namespace std::string_literals;

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string v4_block = "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb"s;

std::string word(std::size_t value) {
    return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

/// A version 2 header. The first byte after the signature is version and command.
std::string v2(char command, char family, const std::string& block) {
    return signature + command + family + word(block.size()) + block;
}

std::string tlv(char type, const std::string& value) {
    return type + word(value.size()) + value;
}

std::string v6_block() {
    const std::string prefix = "\x20\x01\x0d\xb8"s + std::string(11, '\0');
    return prefix + "\x01" + prefix + "\x02" + word(56324) + word(443);
}

std::string unix_block(const std::string& source, const std::string& destination) {
    std::string block = source + std::string(108 - source.size(), '\0');
    return block + destination + std::string(108 - destination.size(), '\0');
}

/// CRC-32C bit by bit, as its definition has it; unlike the parser's, without a table.
std::uint32_t crc32c(const std::string& bytes) {
    std::uint32_t crc = 0xffffffff;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    }
    return ~crc;
}

/// `block` with `before`, a checksum TLV and `after`, as a header whose checksum fits.
std::string checksummed(const std::string& before = "", const std::string& after = "") {
    std::string header = v2('\x21', '\x11', v4_block + before + tlv(3, "\0\0\0\0"s) + after);
    const std::uint32_t crc = crc32c(header);
    const std::string sum = word(crc >> 16) + word(crc & 0xffff);
    return header.replace(16 + v4_block.size() + before.size() + 3, 4, sum);
}

/// Everything that an answer says, in one line.
std::string answer(std::string_view input) {
    const ProxyHeader header = parse_proxy_header(input);
    switch (header.state) {
        case ParseState::incomplete:
            return "incomplete";
        case ParseState::malformed:
            return "malformed: "s + header.reason;
        case ParseState::complete:
            break;
    }
    std::string text = "complete " + std::to_string(header.length);
    if (header.client) text += " " + header.client->text();
    if (header.destination) text += " > " + header.destination->text();
    return text;
}

/// Feeds `input` byte by byte: incomplete up to some byte, and from there on always the same.
void expect_incremental(const std::string& input) {
    const std::string whole = answer(input);
    bool decided = false;
    for (std::size_t length = 0; length <= input.size(); ++length) {
        // A copy of its own size, so that the address sanitizer sees a read past the end.
        const std::vector<char> bytes(input.begin(),
                                      input.begin() + static_cast<std::ptrdiff_t>(length));
        const std::string now = answer({bytes.data(), bytes.size()});
        if (now == "incomplete" && !decided) continue;
        decided = true;
        ASSERT_EQ(now, whole) << length << " bytes of " << testing::PrintToString(input);
    }
}

const std::vector<std::string>& good_headers() {
    static const std::vector<std::string> headers{
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n",
        "PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n",
        "PROXY UNKNOWN\r\n",
        "PROXY UNKNOWN ffff::1 anything  at all 1\r\n",
        v2('\x21', '\x11', v4_block),
        v2('\x21', '\x21', v6_block()),
        v2('\x21', '\x31', unix_block("/run/a", "/run/b")),
        v2('\x21', '\x00', ""),
        v2('\x20', '\x00', ""),
        v2('\x20', '\x11', v4_block),
        v2('\x21', '\x11', v4_block + tlv(1, "h2") + tlv(4, "") + tlv(2, "host.example")),
        checksummed(tlv(2, "host.example"), tlv(4, std::string(300, '\0'))),
    };
    return headers;
}

}  // namespace

TEST(ProxyProtocol, Version1) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nGET / HTTP/1.1\r\n",
         "complete 45 192.0.2.1:56324 > 198.51.100.2:443"},
        {"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n",
         "complete 44 0.0.0.0:0 > 255.255.255.255:65535"},
        {"PROXY TCP6 2001:DB8::1 ::1 56324 443\r\n", "complete 38 [2001:db8::1]:56324 > [::1]:443"},
        {"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 1 2\r\n",
         "complete 53 192.0.2.1:1 > 198.51.100.2:2"},
        {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
         " ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
         "complete 104 [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"
         " > [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
        {"PROXY UNKNOWN\r\n", "complete 15"},
        {"PROXY UNKNOWN \r\n", "complete 16"},
        {"PROXY UNKNOWN x y z \xff\r\n\r\n", "complete 23"},
        {"PROXY UNKNOWN " + std::string(91, 'x') + "\r\n", "complete 107"},
    };
    for (const auto& each : cases) EXPECT_EQ(answer(each.first), each.second) << each.first;
}

TEST(ProxyProtocol, Version1Refused) {
    const std::string family = "malformed: an unknown family in a PROXY line";
    const std::string source = "malformed: a bad source address in a PROXY line";
    const std::string destination = "malformed: a bad destination address in a PROXY line";
    const std::string control = "malformed: a control character in a PROXY line";
    const std::string bare = "malformed: a bare CR in a PROXY line";
    const std::string too_long = "malformed: a PROXY line of more than 107 bytes";
    const std::vector<std::pair<std::string, std::string>> cases{
        {"G", "malformed: no PROXY header"},
        {"proxy ", "malformed: no PROXY header"},
        {"PROXY\r\n", "malformed: no PROXY header"},
        {"PROXYTCP4", "malformed: no PROXY header"},
        {"PROXY\tTCP4", "malformed: no PROXY header"},
        {"PROXY \r\n", family},
        {"PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n", family},
        {"PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n", family},
        {"PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n", family},
        {"PROXY UNKNOWNX\r\n", family},
        {"PROXY TCP4\r\n", source},
        {"PROXY TCP4 \r\n", source},
        {"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", source},
        {"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n", source},
        {"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n", source},
        {"PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n", source},
        {"PROXY TCP4 0x7f.0.0.1 192.0.2.2 1 2\r\n", source},
        {"PROXY TCP4 ::1 ::2 1 2\r\n", source},
        {"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", source},
        {"PROXY TCP6 [::1] ::2 1 2\r\n", source},
        {"PROXY TCP6 fe80::1%lo ::2 1 2\r\n", source},
        {"PROXY TCP6 1:2:3:4:5:6:7:8:9 ::2 1 2\r\n", source},
        {"PROXY TCP4 host.example 192.0.2.2 1 2\r\n", source},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", source},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n", source},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n", source},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", source},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 0x1 2\r\n", source},
        {"PROXY TCP4 192.0.2.1 192.0.2.2  2\r\n", source},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", destination},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n", destination},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 00\r\n", destination},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n", destination},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", destination},
        {"PROXY TCP4 192.0.2.1 ::2 1 2\r\n", destination},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", control},
        {"PROXY TCP4 192.0.2.1\t192.0.2.2 1 2\r\n", control},
        {"PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n"s, control},
        {"PROXY UNKNOWN \n", control},
        {"PROXY UNKNOWN\r\r\n", bare},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rGET", bare},
        {"PROXY UNKNOWN " + std::string(92, 'x') + "\r\n", too_long},
        {"PROXY UNKNOWN " + std::string(91, 'x') + "\rx", bare},
        {"PROXY UNKNOWN " + std::string(5000, 'x'), too_long},
    };
    for (const auto& each : cases) {
        EXPECT_EQ(answer(each.first), each.second) << each.first;
        expect_incremental(each.first);
    }
}

TEST(ProxyProtocol, Version2) {
    const std::string v4 = "192.0.2.1:56324 > 198.51.100.2:443";
    const std::vector<std::pair<std::string, std::string>> cases{
        {v2('\x21', '\x11', v4_block) + "GET /", "complete 28 " + v4},
        {v2('\x21', '\x12', v4_block), "complete 28 " + v4},
        {v2('\x21', '\x21', v6_block()), "complete 52 [2001:db8::1]:56324 > [2001:db8::2]:443"},
        {v2('\x21', '\x22', v6_block()), "complete 52 [2001:db8::1]:56324 > [2001:db8::2]:443"},
        {v2('\x21', '\x31', unix_block("/run/a", "/run/b")),
         "complete 232 unix:/run/a > unix:/run/b"},
        {v2('\x21', '\x32', unix_block("", "\0abstract"s)), "complete 232 unix: > unix:"},
        {v2('\x21', '\x31', unix_block(std::string(108, 'a'), "b")),
         "complete 232 unix:" + std::string(108, 'a') + " > unix:b"},
        // The peer is the client; what the block says does not matter.
        {v2('\x21', '\x00', "xyz"), "complete 19"},
        {v2('\x20', '\x11', v4_block), "complete 28"},
        {v2('\x20', '\x11', ""), "complete 16"},
        {v2('\x20', '\xff', tlv(3, "bad")), "complete 22"},
        {v2('\x21', '\x11', v4_block + tlv(4, "")), "complete 31 " + v4},
        {v2('\x21', '\x11', v4_block + tlv('\xee', std::string(4096 - 15, 'x'))),
         "complete 4112 " + v4},
        {checksummed(), "complete 35 " + v4},
        {checksummed(tlv(1, "h2"), tlv(5, "id")), "complete 45 " + v4},
    };
    for (const auto& each : cases) {
        EXPECT_EQ(answer(each.first), each.second) << testing::PrintToString(each.first);
        expect_incremental(each.first);
    }
}

TEST(ProxyProtocol, Version2Refused) {
    const std::string no_header = "malformed: no PROXY header";
    const std::string short_block = "malformed: a PROXY header too short for its addresses";
    const std::string bad_checksum = "malformed: a bad checksum TLV in a PROXY header";
    std::string wrong_checksum = checksummed();
    wrong_checksum[16] ^= 1;
    const std::vector<std::pair<std::string, std::string>> cases{
        {"\r\nGET", no_header},
        {"\r\n\r\n\0\r\nQUIT\r"s, no_header},
        {v2('\x11', '\x11', v4_block), "malformed: a PROXY header of an unknown version"},
        {v2('\x31', '\x11', v4_block), "malformed: a PROXY header of an unknown version"},
        {v2('\x22', '\x11', v4_block), "malformed: an unknown command in a PROXY header"},
        {v2('\x21', '\x10', v4_block), "malformed: an unknown family in a PROXY header"},
        {v2('\x21', '\x01', v4_block), "malformed: an unknown family in a PROXY header"},
        {v2('\x21', '\x13', v4_block), "malformed: an unknown family in a PROXY header"},
        {v2('\x21', '\x41', v4_block), "malformed: an unknown family in a PROXY header"},
        {v2('\x21', '\x11', v4_block.substr(1)), short_block},
        {v2('\x21', '\x21', v6_block().substr(1)), short_block},
        {v2('\x21', '\x31', unix_block("", "").substr(1)), short_block},
        {v2('\x21', '\x11', std::string(4097, 'x')), "malformed: a PROXY header that is too long"},
        {v2('\x20', '\x00', std::string(65535, 'x')), "malformed: a PROXY header that is too long"},
        {v2('\x21', '\x11', v4_block + "\x04"), "malformed: a truncated TLV in a PROXY header"},
        {v2('\x21', '\x11', v4_block + "\x04\0"s), "malformed: a truncated TLV in a PROXY header"},
        {v2('\x21', '\x11', v4_block + "\x04\0\x02x"s),
         "malformed: a TLV longer than its PROXY header"},
        {v2('\x21', '\x11', v4_block + tlv(3, "\0\0\0"s)), bad_checksum},
        {v2('\x21', '\x11', v4_block + tlv(3, "\0\0\0\0\0"s)), bad_checksum},
        {v2('\x21', '\x11', v4_block + tlv(3, "\0\0\0\0"s)),
         "malformed: a PROXY header with a wrong checksum"},
        {wrong_checksum, "malformed: a PROXY header with a wrong checksum"},
    };
    for (const auto& each : cases) {
        EXPECT_EQ(answer(each.first), each.second) << testing::PrintToString(each.first);
        expect_incremental(each.first.substr(0, 300));
    }
}

TEST(ProxyProtocol, ChecksumIsCrc32c) {
    // The check value of RFC 3720's CRC, which the test's own function has to give first.
    ASSERT_EQ(crc32c("123456789"), 0xe3069283u);
    const std::string header = checksummed(tlv(1, "h2"));
    const std::size_t type = header.size() - 7;  // changed, it is a TLV that is skipped
    for (std::size_t at = 16; at < header.size(); ++at) {
        if (at == type) continue;
        std::string changed = header;
        changed[at] = static_cast<char>(changed[at] ^ 0x10);
        EXPECT_TRUE(answer(changed).starts_with("malformed")) << at;
    }
}

TEST(ProxyProtocol, IncompleteUpToTheLastByte) {
    EXPECT_EQ(answer(""), "incomplete");
    for (const std::string& header : good_headers()) {
        for (std::size_t length = 0; length < header.size(); ++length)
            EXPECT_EQ(answer(header.substr(0, length)), "incomplete") << length;
        const std::string whole = answer(header);
        EXPECT_TRUE(whole.starts_with("complete " + std::to_string(header.size()))) << whole;
        // What follows is none of the header's business.
        EXPECT_EQ(answer(header + "GET / HTTP/1.1\r\n\r\n"), whole);
        EXPECT_EQ(answer(header + header), whole);
        expect_incremental(header + "\r\n\0x"s);
    }
}

TEST(ProxyProtocol, EveryChangeOfAByteIsDecidedOnce) {
    for (const std::string& header : good_headers()) {
        for (std::size_t at = 0; at < std::min<std::size_t>(header.size(), 64); ++at) {
            for (unsigned value = 0; value < 256; value += at < 17 ? 1 : 7) {
                std::string changed = header;
                changed[at] = static_cast<char>(value);
                const ProxyHeader found = parse_proxy_header(changed);
                ASSERT_LE(found.length, changed.size());
                ASSERT_EQ(found.client.has_value(), found.destination.has_value());
                ASSERT_EQ(found.state == ParseState::malformed, *found.reason != '\0');
                if (value % 5 == 0) expect_incremental(changed);
            }
        }
        for (std::size_t at = 0; at < header.size(); ++at) {
            expect_incremental(header.substr(0, at) + header.substr(at + 1));
            expect_incremental(header.substr(0, at) + "\r" + header.substr(at));
        }
    }
}

}  // namespace otto::accept
