#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "http1/parse_response.h"

namespace otto::http1 {

using namespace http;

namespace {

using std::string_literals::operator""s;

struct Row {
    const char* section;
    std::string message;
    Method method = Method::get;
    ParseState state = ParseState::complete;
    Framing framing = Framing::none;
    Bytes length = 0;
    bool keep_alive = true;
};

std::string ok(const std::string& fields) {
    return "HTTP/1.1 200 OK\r\n" + fields + "\r\n";
}
std::string status(const std::string& line) {
    return line + "\r\nContent-Length: 0\r\n\r\n";
}

Row bad(const char* section, std::string message, Method method = Method::get) {
    Row row{section, std::move(message)};
    row.method = method;
    row.state = ParseState::malformed;
    return row;
}

Row good(const char* section, std::string message, Framing framing, Bytes length, bool keep_alive,
         Method method = Method::get) {
    Row row{section, std::move(message)};
    row.method = method;
    row.framing = framing;
    row.length = length;
    row.keep_alive = keep_alive;
    return row;
}

const std::vector<Row>& rows() {
    constexpr auto length = Framing::length;
    constexpr auto chunked = Framing::chunked;
    constexpr auto until_close = Framing::until_close;
    constexpr auto none = Framing::none;
    static const std::vector<Row> all = {
        // The status line.
        good("9112 4", status("HTTP/1.1 200 OK"), length, 0, true),
        good("9112 4 an empty reason", status("HTTP/1.1 200 "), length, 0, true),
        good("9112 4 no reason and no space", status("HTTP/1.1 200"), length, 0, true),
        good("9112 4 obs-text and HTAB in the reason", status("HTTP/1.1 200 \t\xe9 b"), length, 0,
             true),
        good("9110 2.5 a later minor version", status("HTTP/1.7 200 OK"), length, 0, true),
        good("9110 15 an unknown status", status("HTTP/1.1 299 X"), length, 0, true),
        good("9110 15 the highest status", status("HTTP/1.1 599 X"), length, 0, true),
        good("9110 15 status 600", status("HTTP/1.1 600 X"), length, 0, true),
        bad("9110 15 status 099", status("HTTP/1.1 099 X")),
        bad("9110 15 status 000", status("HTTP/1.1 000 X")),
        bad("9112 4 a status of two digits", status("HTTP/1.1 20 OK")),
        bad("9112 4 a status of four digits", status("HTTP/1.1 2000 OK")),
        bad("9112 4 letters in the status", status("HTTP/1.1 2x0 OK")),
        good("9112 4 two spaces", status("HTTP/1.1  200 OK"), length, 0, true),
        bad("9112 4 HTAB for SP", status("HTTP/1.1\t200 OK")),
        bad("9112 4 HTAB after the status", status("HTTP/1.1 200\tOK")),
        bad("9112 2.3 HTTP/2", status("HTTP/2.0 200 OK")),
        bad("9112 2.3 HTTP/0.9", status("HTTP/0.9 200 OK")),
        bad("9112 2.3 lower case", status("http/1.1 200 OK")),
        bad("9112 2.3 two digits", status("HTTP/1.10 200 OK")),
        bad("9112 2.3 no minor version", status("HTTP/1 200 OK")),
        bad("9112 4 an empty line before it", "\r\n" + status("HTTP/1.1 200 OK")),
        bad("9112 4 something else", "SSH-2.0-x\r\n"),
        good("9112 4 a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", length, 0, true),
        good("9112 4 a bare LF without a reason", "HTTP/1.1 200\n\r\n", until_close, 0, false),
        bad("9112 4 a bare CR", status("HTTP/1.1 200 O\rK")),
        bad("9112 4 NUL", status("HTTP/1.1 200 O\0K"s)),
        bad("9112 4 DEL", status("HTTP/1.1 200 O\x7fK")),
        // Fields.
        good("9112 5.2 obs-fold", ok("A: b\r\n c\r\nContent-Length: 0\r\n"), length, 0, true),
        bad("9112 5.1 a space before the colon", ok("Content-Length : 0\r\n")),
        bad("9110 5.1 an empty name", ok(": 0\r\n")),
        bad("9110 5.1 no colon", ok("A\r\n")),
        bad("9110 5.5 a bare CR", ok("A: b\rc\r\n")),
        bad("9110 5.5 NUL", ok("A: b\0c\r\n"s)),
        good("9112 2.2 a bare LF", ok("A: b\nContent-Length: 0\r\n"), length, 0, true),
        good("9112 2.2 a bare LF at the end", "HTTP/1.1 200 OK\r\nA: b\r\n\n", until_close, 0,
             false),
        good("9110 5.5 obs-text", ok("A: \xff\tb\r\nContent-Length: 3\r\n"), length, 3, true),
        // Framing.
        good("9112 6.3 no length", ok(""), until_close, 0, false),
        good("9112 6.3 no length, keep-alive", ok("Connection: keep-alive\r\n"), until_close, 0,
             false),
        good("9112 6.3 a length", ok("Content-Length: 12\r\n"), length, 12, true),
        good("9112 7.1 chunked", ok("Transfer-Encoding: CHUNKED\r\n"), chunked, 0, true),
        good("9112 9.3 close", ok("Content-Length: 1\r\nConnection: a, Close\r\n"), length, 1,
             false),
        bad("9110 8.6 two lengths", ok("Content-Length: 1\r\nContent-Length: 2\r\n")),
        good("9110 8.6 two equal lengths", ok("Content-Length: 1\r\nContent-Length: 1\r\n"), length,
             1, true),
        good("9110 8.6 a list", ok("Content-Length: 1, 1\r\n"), length, 1, true),
        bad("9110 8.6 a sign", ok("Content-Length: +1\r\n")),
        bad("9110 8.6 negative", ok("Content-Length: -1\r\n")),
        bad("9110 8.6 empty", ok("Content-Length: \r\n")),
        bad("9110 8.6 too large", ok("Content-Length: 9223372036854775808\r\n")),
        bad("9110 8.6 leading zeros", ok("Content-Length: 01\r\n")),
        bad("9112 6.1 both", ok("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")),
        bad("9112 6.1 gzip", ok("Transfer-Encoding: gzip\r\n")),
        bad("9112 6.1 gzip, chunked", ok("Transfer-Encoding: gzip, chunked\r\n")),
        bad("9112 6.1 identity", ok("Transfer-Encoding: identity\r\n")),
        bad("9112 6.1 twice", ok("Transfer-Encoding: chunked, chunked\r\n")),
        bad("9112 6.1 two fields",
            ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
        bad("9112 6.1 empty", ok("Transfer-Encoding:\r\n")),
        bad("9112 6.1 in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        good("9112 6.3 HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\n", until_close, 0, false),
        good("9112 9.3 HTTP/1.0 with a length", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n",
             length, 2, false),
        good("9112 9.3 HTTP/1.0 keep-alive",
             "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\n", length, 2,
             true),
        good("9112 9.3 HTTP/1.0 keep-alive without a length",
             "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", until_close, 0, false),
        // Messages without a body.
        good("9110 9.3.2 HEAD", ok("Content-Length: 12\r\n"), none, 12, true, Method::head),
        good("9110 9.3.2 HEAD, chunked", ok("Transfer-Encoding: chunked\r\n"), none, 0, true,
             Method::head),
        good("9110 9.3.2 HEAD without a length", ok(""), none, 0, true, Method::head),
        bad("9112 6.1 HEAD does not excuse both",
            ok("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), Method::head),
        good("9110 15.4.5", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", none, 9,
             true),
        good("9110 15.3.5", "HTTP/1.1 204 No Content\r\n\r\n", none, 0, true),
        good("9110 15.3.5 with length 0", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
             none, 0, true),
        good("9110 8.6 a 204 that may be followed by a body ends the connection",
             "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", none, 5, false),
        good("9110 8.6 a chunked 204 ends the connection",
             "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", none, 0, false),
        good("9110 15.2.1", "HTTP/1.1 100 Continue\r\n\r\n", none, 0, true),
        good("8297 2", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", none, 0, true),
        bad("9110 8.6 a 1xx with a length", "HTTP/1.1 103 X\r\nContent-Length: 5\r\n\r\n"),
        bad("9110 8.6 a 1xx with a coding", "HTTP/1.1 100 X\r\nTransfer-Encoding: chunked\r\n\r\n"),
        good("9110 15.2.2",
             "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", none,
             0, false),
        good("9110 9.3.6 CONNECT", ok(""), none, 0, false, Method::connect),
        good("9110 9.3.6 CONNECT refused", "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\n", length,
             2, true, Method::connect),
        bad("9110 7.6.1 too many connection options", ok("Connection: " +
                                                         [] {
                                                             std::string list = "a";
                                                             for (int i = 0; i < 32; ++i)
                                                                 list += ",a";
                                                             return list;
                                                         }() +
                                                         "\r\nContent-Length: 0\r\n")),
    };
    return all;
}

void expect_row(const Row& row, const ResponseParse& parse, const ResponseHead& head,
                std::size_t size) {
    EXPECT_EQ(parse.state, row.state) << row.section << ": " << parse.reason;
    if (row.state != ParseState::complete || parse.state != ParseState::complete) return;
    EXPECT_EQ(parse.length, size) << row.section;
    EXPECT_EQ(head.framing, row.framing) << row.section;
    EXPECT_EQ(head.content_length, row.length) << row.section;
    EXPECT_EQ(head.keep_alive, row.keep_alive) << row.section;
}

TEST(HttpResponse, AcceptsAndRefusesAsTheRfcsSay) {
    for (const Row& row : rows()) {
        ResponseHead head;
        expect_row(row, parse_response_head(row.message, row.method, head), head,
                   row.message.size());
    }
}

TEST(HttpResponse, WhateverFollowsTheHeadIsLeftAlone) {
    for (const Row& row : rows()) {
        ResponseHead head;
        expect_row(row, parse_response_head(row.message + "HTTP/1.1 \n\0"s, row.method, head), head,
                   row.message.size());
    }
}

TEST(HttpResponse, ByteByByteGivesTheSame) {
    for (const Row& row : rows()) {
        ResponseHead head;
        ResponseParse parse;
        std::size_t size = 0;
        while (parse.state == ParseState::incomplete && size < row.message.size()) {
            // A copy of exactly that size lets the address sanitizer see every read beyond it.
            const std::vector<char> bytes(row.message.begin(),
                                          row.message.begin() + static_cast<long>(++size));
            parse = parse_response_head({bytes.data(), size}, row.method, head);
        }
        if (row.state == ParseState::complete) {
            EXPECT_EQ(size, row.message.size()) << row.section;
        }
        parse =
            parse_response_head(std::string_view(row.message).substr(0, size), row.method, head);
        expect_row(row, parse, head, size);
    }
}

TEST(HttpResponse, EveryForbiddenByteIsRefusedWhereverItStands) {
    const std::string good = "HTTP/1.1 200 OK\r\nA: b c\r\nContent-Length: 3\r\n\r\n";
    for (int c = 0; c < 256; ++c) {
        if ((c >= 0x20 && c != 0x7f) || c == '\t' || c == '\r' || c == '\n') continue;
        for (std::size_t at = 0; at < good.size(); ++at) {
            std::string message = good;
            message.insert(at, 1, static_cast<char>(c));
            ResponseHead head;
            EXPECT_EQ(parse_response_head(message, Method::get, head).state, ParseState::malformed)
                << c << " at " << at;
        }
    }
}

TEST(HttpResponse, PartsOfAHead) {
    const std::string message = "HTTP/1.0 404 Not Found\r\nA: b \r\nDate: x\r\n\r\nbody";
    ResponseHead head;
    const auto parse = parse_response_head(message, Method::get, head);
    ASSERT_EQ(parse.state, ParseState::complete);
    EXPECT_EQ(parse.length, message.size() - 4);
    EXPECT_EQ(head.version_minor, 0u);
    EXPECT_EQ(head.status, 404u);
    EXPECT_EQ(head.status_line, "HTTP/1.0 404 Not Found\r\n");
    ASSERT_EQ(head.fields.size(), 2u);
    EXPECT_EQ(head.fields[0].value, "b");
    EXPECT_EQ(head.fields[0].line, "A: b \r\n");
    EXPECT_EQ(head.find(FieldId::date), &head.fields[1]);
    EXPECT_EQ(head.find(FieldId::via), nullptr);
}

TEST(HttpResponse, Limits) {
    ResponseHead head;
    for (const ResponseLimits& limits :
         {ResponseLimits{}, ResponseLimits{.header_bytes = 2048, .header_count = 3}}) {
        const auto parse = [&](const std::string& input) {
            return parse_response_head(input, Method::get, head, limits);
        };
        std::string fields;
        for (unsigned i = 0; i < limits.header_count; ++i) fields += "A: b\r\n";
        EXPECT_EQ(parse(ok(fields)).state, ParseState::complete);
        const auto many = parse(ok(fields + "A: b\r\n"));
        EXPECT_EQ(many.state, ParseState::malformed);
        EXPECT_EQ(many.over, OverLimit::header_count);

        const std::size_t room = limits.header_bytes - ok("A: \r\n").size();
        const auto with = [](std::size_t size) {
            return ok("A: " + std::string(size, 'a') + "\r\n");
        };
        EXPECT_EQ(parse(with(room)).state, ParseState::complete);
        const auto large = parse(with(room + 1));
        EXPECT_EQ(large.state, ParseState::malformed);
        EXPECT_EQ(large.over, OverLimit::header_bytes);
        const std::string endless = "HTTP/1.1 200 " + std::string(limits.header_bytes, 'a');
        EXPECT_EQ(parse(endless.substr(0, 1000)).state, ParseState::incomplete);
        EXPECT_EQ(parse(endless).over, OverLimit::header_bytes);
        EXPECT_EQ(parse("SSH-2.0-OpenSSH").over, OverLimit::none);

        ResponseHeadReader reader;
        ResponseParse piecemeal;
        for (std::size_t size = 1; piecemeal.state == ParseState::incomplete; ++size)
            piecemeal = reader.parse(endless.substr(0, size), Method::get, head, limits);
        EXPECT_EQ(piecemeal.over, OverLimit::header_bytes);
    }
}

TEST(HttpResponse, WhatIsNotHttpIsFoundSoonWhenItTrickles) {
    const std::vector<std::pair<std::string, std::size_t>> cases{
        {"SSH-2.0-OpenSSH", 1},
        {"HTTP/2 200 OK\r\n", 6},
        {"HTTP/1.1 2x0 OK\r\n", 11},
        {"HTTP/1.1 200 OK\r\nA: b\r\nC\r\n", 27},
        {"HTTP/1.1 200 OK\r\nA: " + std::string(1000, 'b') + "\r\n: c\r\n" + std::string(2000, 'd'),
         2100},
    };
    for (const auto& [bytes, most] : cases) {
        ResponseHeadReader reader;
        ResponseHead head;
        std::size_t size = 0;
        ResponseParse parse;
        while (parse.state == ParseState::incomplete && size < bytes.size())
            parse = reader.parse(std::string_view(bytes).substr(0, ++size), Method::get, head);
        EXPECT_EQ(parse.state, ParseState::malformed) << bytes;
        EXPECT_LE(size, most) << bytes;
    }
}

TEST(HttpResponse, AReaderTakesHeadsOneAfterAnother) {
    const std::string first =
        "HTTP/1.1 103 Early Hints\r\nLink: " + std::string(500, 'l') + "\r\n\r\n";
    const std::string second = ok("Content-Length: 3\r\nA: " + std::string(500, 'a') + "\r\n");
    ResponseHeadReader reader;
    ResponseHead head;
    for (const std::string& bytes : {first, second, first}) {
        for (std::size_t size = 1; size < bytes.size(); ++size)
            EXPECT_EQ(
                reader.parse(std::string_view(bytes).substr(0, size), Method::get, head).state,
                ParseState::incomplete);
        EXPECT_EQ(reader.parse(bytes + "x", Method::get, head).length, bytes.size());
    }
}

}  // namespace
}  // namespace otto::http1
