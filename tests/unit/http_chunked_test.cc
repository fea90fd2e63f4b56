#include <algorithm>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "http1/chunked.h"

namespace otto::http1 {

using namespace http;

namespace {

/// The trailer fields as they came.
std::string lines_of(const ChunkedReader& reader) {
    std::string lines;
    for (const Field& field : reader.trailers()) lines += field.line;
    return lines;
}

using std::string_literals::operator""s;
using Kind = ChunkedReader::Kind;

struct Reading {
    enum class End { complete, incomplete, malformed } end = End::incomplete;
    std::string body;
    std::string trailers;
    std::string rest;  // after the message
    std::string reason;
    std::size_t pieces = 0;
};

/// Feeds `input` in steps of `step` bytes, dropping what each piece covers.
Reading read(std::string_view input, std::size_t step) {
    ChunkedReader reader;
    Reading reading;
    while (!input.empty()) {
        // A copy of exactly that size lets the address sanitizer see every read beyond it.
        const auto part = input.substr(0, step);
        const std::vector<char> bytes(part.begin(), part.end());
        std::string_view left(bytes.data(), bytes.size());
        while (!left.empty()) {
            const auto piece = reader.next(left);
            ++reading.pieces;
            EXPECT_LE(piece.length, left.size());
            if (piece.kind == Kind::payload) reading.body += left.substr(0, piece.length);
            if (piece.kind == Kind::malformed) {
                reading.end = Reading::End::malformed;
                reading.reason = reader.reason();
                return reading;
            }
            if (piece.kind == Kind::end) {
                reading.end = Reading::End::complete;
                reading.trailers = lines_of(reader);
                const auto after = bytes.size() - left.size() + piece.length;
                reading.rest = input.substr(after);
                return reading;
            }
            // Whatever is there is always classified: only no input at all needs more.
            EXPECT_NE(piece.kind, Kind::need_more);
            EXPECT_GT(piece.length, 0u);
            if (piece.length == 0) return reading;
            left.remove_prefix(piece.length);
        }
        EXPECT_EQ(reader.next({}).kind, Kind::need_more);
        input.remove_prefix(part.size());
    }
    return reading;
}

struct Row {
    const char* section;
    std::string input;
    Reading::End end;
    std::string body;
    std::string trailers;
};

const std::vector<Row>& rows() {
    constexpr auto complete = Reading::End::complete;
    constexpr auto incomplete = Reading::End::incomplete;
    constexpr auto malformed = Reading::End::malformed;
    static const std::vector<Row> all = {
        {"9112 7.1 empty", "0\r\n\r\n", complete, "", ""},
        {"9112 7.1 one chunk", "3\r\nabc\r\n0\r\n\r\n", complete, "abc", ""},
        {"9112 7.1 two chunks", "3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", complete, "abcd", ""},
        {"9112 7.1 hexadecimal digits", "0a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
         complete, "01234567890123456789", ""},
        {"9112 7.1 line ends in the payload", "4\r\n\r\n\r\n\r\n0\r\n\r\n", complete, "\r\n\r\n",
         ""},
        {"9112 7.1 16 digits", "0000000000000001\r\na\r\n0000000000000000\r\n\r\n", complete, "a",
         ""},
        {"9112 7.1 17 digits", "00000000000000001\r\na\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1 the largest size", "7fffffffffffffff\r\nabc", incomplete, "abc", ""},
        {"9112 7.1 2^63", "8000000000000000\r\nabc", malformed, "", ""},
        {"9112 7.1 2^64 - 1", "ffffffffffffffff\r\nabc", malformed, "", ""},
        {"9112 7.1 2^64 + 1", "10000000000000001\r\nabc", malformed, "", ""},
        {"9112 7.1 no size", "\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1 0x", "0x3\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1 a sign", "+3\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1 negative", "-3\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1 an underscore", "1_0\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1 a letter", "g\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1 NUL", "3\0\r\nabc\r\n0\r\n\r\n"s, malformed, "", ""},
        {"9112 7.1 a space before the size", " 3\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1 a space after the size", "3 \r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1 two sizes", "3 3\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1 a bare LF after the size", "3\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1 a bare CR after the size", "3\rabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1 two CRs after the size", "3\r\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1 a bare LF after the chunk", "3\r\nabc\n0\r\n\r\n", malformed, "abc", ""},
        {"9112 7.1 a bare CR after the chunk", "3\r\nabc\r0\r\n\r\n", malformed, "abc", ""},
        {"9112 7.1 a chunk too long", "3\r\nabcd\r\n0\r\n\r\n", malformed, "abc", ""},
        {"9112 7.1 another byte for CR", "3\r\nabcd\n0\r\n\r\n", malformed, "abc", ""},
        {"9112 7.1 a chunk too short", "3\r\nab\r\n0\r\n\r\n", malformed, "ab\r", ""},
        {"9112 7.1 a chunk without its line end", "3\r\nabc0\r\n\r\n", malformed, "abc", ""},
        {"9112 7.1 a bare LF at the end", "0\r\n\n", malformed, "", ""},
        {"9112 7.1 a bare LF after the last size", "0\n\r\n", malformed, "", ""},
        {"9112 7.1.1 an extension", "3;a=b\r\nabc\r\n0;c\r\n\r\n", complete, "abc", ""},
        {"9112 7.1.1 white space in an extension", "3 \t; a = \"b \\\" c\" ;d\r\nabc\r\n0\r\n\r\n",
         complete, "abc", ""},
        {"9112 7.1.1 a bare LF in an extension", "3;a\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1.1 a bare CR in an extension", "3;a\rb\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1.1 NUL in an extension", "3;a\0\r\nabc\r\n0\r\n\r\n"s, malformed, "", ""},
        {"9112 7.1.1 obs-text in an extension", "3;a\xe9\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1.1 an extension without a name", "3;\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1.1 an extension with '=' but no value", "3;a=\r\nabc\r\n0\r\n\r\n", malformed, "",
         ""},
        {"9112 7.1.1 an extension that is no token", "3;a/b\r\nabc\r\n0\r\n\r\n", malformed, "",
         ""},
        {"9112 7.1.1 white space after an extension", "3;a \r\nabc\r\n0\r\n\r\n", malformed, "",
         ""},
        {"9112 7.1.1 white space after a value", "3;a=b\t\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1.1 an open quote", "3;a=\"b\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1.1 a line end in quotes", "3;a=\"\r\n0\r\n\r\n\"\r\n", malformed, "", ""},
        {"9112 7.1.1 an escaped line end", "3;a=\"\\\r\n\"\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1.1 text after quotes", "3;a=\"b\"c\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1.1 an extension without a size", ";a\r\nabc\r\n0\r\n\r\n", malformed, "", ""},
        {"9112 7.1.1 a long extension", "1;" + std::string(8192 - 4, 'x') + "\r\na\r\n0\r\n\r\n",
         complete, "a", ""},
        {"9112 7.1.1 a longer extension", "1;" + std::string(8192 - 3, 'x') + "\r\na\r\n0\r\n\r\n",
         malformed, "", ""},
        {"9112 7.1.2 a trailer", "0\r\nX-Sum: 1 \r\nB:\r\n\r\n", complete, "",
         "X-Sum: 1 \r\nB:\r\n"},
        {"9110 6.5.1 fields that no trailer may have",
         "0\r\nA: 1\r\nAuthorization: x\r\nSet-Cookie: x\r\nCookie: x\r\nConnection: "
         "close\r\nUpgrade: x\r\n"
         "Cache-Control: x\r\nContent-Type: x\r\nContent-Encoding: x\r\ncontent-range: x\r\n"
         "Trailer: A\r\nTE: x\r\nKeep-Alive: x\r\nX-Forwarded-For: x\r\nForwarded: x\r\n"
         "X_Forwarded_For: x\r\nProxy-Authorization: x\r\nExpect: x\r\nRange: x\r\n"
         "If-Match: x\r\nLocation: x\r\nVary: x\r\nZ: 2\r\n\r\n",
         complete, "", "A: 1\r\nZ: 2\r\n"},
        {"9110 6.5.1 a length in a trailer", "0\r\nContent-Length: 5\r\n\r\n", malformed, "", ""},
        {"9110 6.5.1 a coding in a trailer", "0\r\ntransfer-encoding: chunked\r\n\r\n", malformed,
         "", ""},
        {"9110 6.5.1 a host in a trailer", "0\r\nA: 1\r\nHost: b\r\n\r\n", malformed, "", ""},
        {"9112 5.2 a folded trailer", "0\r\nA: 1\r\n b\r\n\r\n", malformed, "", ""},
        {"9112 5.2 a fold at the start", "0\r\n A: 1\r\n\r\n", malformed, "", ""},
        {"9112 5.1 a space before the colon", "0\r\nA : 1\r\n\r\n", malformed, "", ""},
        {"9112 5.1 no colon", "0\r\nA\r\n\r\n", malformed, "", ""},
        {"9112 5.1 a very short line", "0\r\nA\n\r\n", malformed, "", ""},
        {"9110 5.5 a bare CR in a trailer", "0\r\nA: \r1\r\n\r\n", malformed, "", ""},
        {"9110 5.5 NUL in a trailer", "0\r\nA: \0\r\n\r\n"s, malformed, "", ""},
        {"9112 2.2 a bare LF in a trailer", "0\r\nA: 1\nB: 2\r\n\r\n", malformed, "", ""},
        {"9112 2.2 a bare CR as the empty line", "0\r\nA: 1\r\n\r\r\n\r\n", malformed, "", ""},
        {"9112 7.1.2 the longest trailer", "0\r\nA:" + std::string(8192 - 6, 'x') + "\r\n\r\n",
         complete, "", "A:" + std::string(8192 - 6, 'x') + "\r\n"},
        {"9112 7.1.2 a trailer too long", "0\r\nA:" + std::string(8192 - 5, 'x') + "\r\n\r\n",
         malformed, "", ""},
        {"9112 7.1 cut in the size", "3", incomplete, "", ""},
        {"9112 7.1 cut in the payload", "3\r\nab", incomplete, "ab", ""},
        {"9112 7.1 cut before the last line", "3\r\nabc\r\n0\r\n", incomplete, "abc", ""},
    };
    return all;
}

void expect_row(const Row& row, std::size_t step) {
    const Reading reading = read(row.input, step);
    EXPECT_EQ(reading.end, row.end)
        << row.section << " in steps of " << step << ": " << reading.reason;
    EXPECT_EQ(reading.body, row.body) << row.section << " in steps of " << step;
    EXPECT_EQ(reading.trailers, row.trailers) << row.section << " in steps of " << step;
    EXPECT_EQ(reading.reason.empty(), row.end != Reading::End::malformed) << row.section;
    EXPECT_EQ(reading.rest, "") << row.section;
}

TEST(HttpChunked, AcceptsAndRefusesAsTheRfcsSay) {
    for (const Row& row : rows()) expect_row(row, row.input.size());
}

TEST(HttpChunked, EveryWayOfSplittingGivesTheSame) {
    for (const Row& row : rows())
        for (std::size_t step = 1; step < std::min<std::size_t>(row.input.size(), 64); ++step)
            expect_row(row, step);
}

TEST(HttpChunked, WhatFollowsTheMessageIsLeftAlone) {
    for (const Row& row : rows()) {
        if (row.end != Reading::End::complete) continue;
        const Reading reading = read(row.input + "GET / HTTP/1.1\r\n", 1 << 20);
        EXPECT_EQ(reading.end, row.end) << row.section;
        EXPECT_EQ(reading.rest, "GET / HTTP/1.1\r\n") << row.section;
    }
}

TEST(HttpChunked, PiecesAreAsLongAsCanBeTold) {
    ChunkedReader reader;
    const std::string input = "3\r\nabc\r\n1;x\r\nd\r\n0\r\nA: b\r\n\r\nrest";
    std::string_view left = input;
    const struct {
        Kind kind;
        std::size_t length;
    } expected[] = {{Kind::framing, 3},
                    {Kind::payload, 3},
                    {Kind::framing, 7},
                    {Kind::payload, 1},
                    {Kind::end, 13}};
    for (const auto& want : expected) {
        const auto piece = reader.next(left);
        EXPECT_EQ(piece.kind, want.kind);
        EXPECT_EQ(piece.length, want.length);
        left.remove_prefix(piece.length);
    }
    EXPECT_EQ(left, "rest");
    EXPECT_EQ(lines_of(reader), "A: b\r\n");
}

TEST(HttpChunked, TrailersOfResponsesHaveLimits) {
    const auto over = [](std::string_view input, const ResponseLimits& limits) {
        ChunkedReader reader(true);
        reader.reset(limits);
        const bool malformed = reader.next(input).kind == Kind::malformed;
        EXPECT_EQ(malformed, reader.over() != OverLimit::none);
        return reader.over();
    };
    const ResponseLimits limits{.header_bytes = 14, .header_count = 2};
    EXPECT_EQ(over("0\r\nA: b\r\nC: d\r\n\r\n", limits), OverLimit::none);
    EXPECT_EQ(over("0\r\nA: b\r\nC: dd\r\n\r\n", limits), OverLimit::header_bytes);
    EXPECT_EQ(over("0\r\nA:\r\nC:\r\nD:\r\n\r\n", limits), OverLimit::header_count);
    EXPECT_EQ(over("0\r\nA: " + std::string(60'000, 'b') + "\r\n\r\n", ResponseLimits{}),
              OverLimit::none);
}

TEST(HttpChunked, AReaderCanBeUsedAgain) {
    ChunkedReader reader;
    EXPECT_EQ(reader.next("0\r\nA: b\r\n\r\n").kind, Kind::end);
    reader.reset();
    EXPECT_EQ(lines_of(reader), "");
    EXPECT_EQ(reader.next("7f;x").kind, Kind::framing);
    reader.reset();
    EXPECT_EQ(reader.next("0\r\n\r\n").kind, Kind::end);
    EXPECT_EQ(lines_of(reader), "");
}

TEST(HttpChunked, Headers) {
    EXPECT_EQ(ChunkHeader(0).text(), "0\r\n");
    EXPECT_EQ(ChunkHeader(10).text(), "a\r\n");
    EXPECT_EQ(ChunkHeader(16384).text(), "4000\r\n");
    EXPECT_EQ(ChunkHeader(0x7fffffffffffffff).text(), "7fffffffffffffff\r\n");
    EXPECT_EQ(ChunkHeader(~Bytes{0}).text(), "ffffffffffffffff\r\n");
}

TEST(HttpChunked, WhatIsWrittenIsReadBack) {
    std::mt19937 random(4711);
    for (int round = 0; round < 200; ++round) {
        std::string body;
        std::string coded;
        for (auto chunks = random() % 6; chunks > 0; --chunks) {
            std::string chunk(1 + random() % 3000, '\0');
            for (char& c : chunk) c = static_cast<char>(random());
            coded.append(ChunkHeader(chunk.size()).text()).append(chunk).append("\r\n");
            body += chunk;
        }
        coded.append(ChunkHeader(0).text()).append("X: y\r\n\r\n");
        const Reading reading = read(coded, 1 + random() % 700);
        ASSERT_EQ(reading.end, Reading::End::complete) << reading.reason;
        EXPECT_EQ(reading.body, body);
        EXPECT_EQ(reading.trailers, "X: y\r\n");
    }
}

TEST(HttpChunked, MutationsAreReadTheSameInOneAndInManySteps) {
    std::mt19937 random(1202);
    const std::string seeds[] = {
        "3;a=\"b\"\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\nTE: z\r\n\r\n", "7fffffff\r\nabc",
        "1\r\na\r\n0;x\r\n\r\nGET / HTTP/1.1\r\n\r\n"};
    const std::string alphabet = "\r\n \t0123456789afAF;:xX-_+\"\0\x7f\xff"s;
    for (int round = 0; round < 5000; ++round) {
        std::string input = seeds[random() % std::size(seeds)];
        for (auto edits = 1 + random() % 4; edits > 0; --edits) {
            const std::size_t at = random() % input.size();
            const char byte = alphabet[random() % alphabet.size()];
            switch (random() % 3) {
                case 0:
                    input[at] = byte;
                    break;
                case 1:
                    input.insert(at, 1, byte);
                    break;
                case 2:
                    input.erase(at, 1);
                    break;
            }
            if (input.empty()) input = "0";
        }
        const Reading whole = read(input, input.size());
        const Reading split = read(input, 1 + random() % 5);
        EXPECT_EQ(split.end, whole.end) << testing::PrintToString(input);
        EXPECT_EQ(split.body, whole.body) << testing::PrintToString(input);
        EXPECT_EQ(split.trailers, whole.trailers) << testing::PrintToString(input);
        EXPECT_EQ(split.rest, whole.rest) << testing::PrintToString(input);
    }
}

}  // namespace
}  // namespace otto::http1
