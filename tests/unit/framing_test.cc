#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "http/characters.h"
#include "http1/append_request.h"
#include "http1/append_response.h"
#include "http1/chunked.h"
#include "http1/parse_request.h"
#include "http1/parse_response.h"
#include "http1/request_line.h"

namespace otto::http1 {

using namespace http;

namespace {

/// The tables of data/framing_*.txt, whose heads say what a row means.
struct Row {
    std::size_t line = 0;
    std::vector<std::string> cells;
};

/// `text` with its escapes resolved; none when one of them is unknown.
std::optional<std::string> unescape(std::string_view text) {
    constexpr std::string_view letters = "rntvf0\\,|";
    constexpr std::string_view meant("\r\n\t\v\f\0\\,|", 9);
    std::string out;
    while (!text.empty()) {
        if (text.front() != '\\') {
            out += text.front();
            text.remove_prefix(1);
            continue;
        }
        if (text.size() < 2) return std::nullopt;
        const char kind = text[1];
        text.remove_prefix(2);
        if (const auto at = letters.find(kind); at != std::string_view::npos) {
            out += meant[at];
        } else if (kind == 'x' && text.size() >= 2) {
            unsigned value = 0;
            std::from_chars(text.data(), text.data() + 2, value, 16);
            out += static_cast<char>(value);
            text.remove_prefix(2);
        } else if (const auto end = text.find(')'); kind == '*' && end != std::string_view::npos) {
            std::size_t times = 0;
            const char* const comma =
                std::from_chars(text.data() + 1, text.data() + end, times).ptr;
            const auto start = static_cast<std::size_t>(comma + 1 - text.data());
            const auto repeated = unescape(text.substr(start, end - start));
            if (!repeated) return std::nullopt;
            for (; times > 0; --times) out += *repeated;
            text.remove_prefix(end + 1);
        } else {
            return std::nullopt;
        }
    }
    return out;
}

std::vector<Row> read_table(const std::string& name, std::size_t cells) {
    std::ifstream file(OTTO_SOURCE_DIR "/tests/unit/data/" + name);
    std::vector<Row> rows;
    std::size_t number = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        if (line.empty() || line.front() == '#') continue;
        Row row;
        row.line = number;
        for (std::size_t at = 0; at <= line.size();) {
            const auto bar = std::min(line.find(" | ", at), line.size());
            row.cells.push_back(line.substr(at, bar - at));
            at = bar == line.size() ? bar + 1 : bar + 3;
        }
        EXPECT_EQ(row.cells.size(), cells) << name << ":" << number;
        if (row.cells.size() == cells) rows.push_back(std::move(row));
    }
    EXPECT_FALSE(rows.empty()) << name;
    return rows;
}

/// What a message came to, in the words of the tables.
struct Verdict {
    std::string outcome;  // "400", "body 400", "malformed", "length 5 close" ...
    std::string body;
    std::string rest;
    std::string out;
};

/// Puts an expectation that starts with a framing together with the facts that it names; the facts
/// that it leaves out are taken from `actual`.
Verdict expected(const std::string& cell, const Verdict& actual) {
    Verdict verdict = actual;
    std::string_view left = cell;
    std::string_view outcome = left.substr(0, left.find('='));
    if (outcome.size() != left.size()) outcome = outcome.substr(0, outcome.rfind(' '));
    verdict.outcome = outcome;
    left.remove_prefix(std::min(outcome.size() + 1, left.size()));
    constexpr std::string_view names[] = {"body=", "rest=", "out="};
    std::string* const facts[] = {&verdict.body, &verdict.rest, &verdict.out};
    for (std::size_t i = 0; i < std::size(names); ++i) {
        if (!left.starts_with(names[i])) continue;
        left.remove_prefix(names[i].size());
        auto end = left.size();
        for (std::size_t next = i + 1; next < std::size(names); ++next)
            end = std::min(end, left.find(" " + std::string(names[next])));
        const auto value = unescape(left.substr(0, end));
        EXPECT_TRUE(value) << "a bad escape in " << cell;
        *facts[i] = value.value_or("");
        left.remove_prefix(std::min(end + 1, left.size()));
    }
    EXPECT_TRUE(left.empty()) << "not understood: " << left;
    return verdict;
}

enum class BodyEnd : std::uint8_t { complete, cut, malformed };

/// Takes the body off the front of `bytes`.
BodyEnd take_body(Framing framing, Bytes length, ChunkedReader reader, std::string_view& bytes,
                  std::string& body) {
    switch (framing) {
        case Framing::none:
            return BodyEnd::complete;
        case Framing::length:
            body = bytes.substr(0, length);
            bytes.remove_prefix(body.size());
            return body.size() == length ? BodyEnd::complete : BodyEnd::cut;
        case Framing::until_close:
            body = bytes;
            bytes = {};
            return BodyEnd::complete;
        case Framing::chunked:
            break;
    }
    for (;;) {
        const auto [kind, size] = reader.next(bytes);
        if (kind == ChunkedReader::Kind::malformed) return BodyEnd::malformed;
        if (kind == ChunkedReader::Kind::need_more) return BodyEnd::cut;
        if (kind == ChunkedReader::Kind::payload) body += bytes.substr(0, size);
        bytes.remove_prefix(size);
        if (kind == ChunkedReader::Kind::end) return BodyEnd::complete;
    }
}

std::string describe(Framing framing, Bytes length) {
    switch (framing) {
        case Framing::none:
            return "none";
        case Framing::length:
            return "length " + std::to_string(length);
        case Framing::chunked:
            return "chunked";
        case Framing::until_close:
            return "close";
    }
    return "";
}

/// `head` without the fields that every forwarded request has about its client.
std::string without_forwarding(std::string_view head) {
    std::string out;
    while (!head.empty()) {
        const auto line = head.substr(0, head.find('\n') + 1);
        if (!line.starts_with("X-Forwarded-") && !line.starts_with("Forwarded: ")) out += line;
        head.remove_prefix(line.size());
    }
    return out;
}

/// The bytes arrive in steps of `step`.
Verdict read_request(const std::string& bytes, std::size_t step) {
    const RequestLimits limits;
    HeadScan scan;
    for (std::size_t seen = 0; seen < bytes.size();) {
        const std::size_t size = std::min(bytes.size(), seen + step);
        scan = scan_request_head(std::string_view(bytes).substr(0, size), seen, limits);
        if (!scan.refusal && scan.length == 0)
            scan.refusal =
                judge_request_line(std::string_view(bytes).substr(0, size), seen, limits);
        if (scan.refusal || scan.length != 0) break;
        seen = size;
    }
    if (scan.refusal) return {std::to_string(scan.refusal.status), "", "", ""};
    if (scan.length == 0) return {"incomplete", "", "", ""};
    RequestHead head;
    const auto refusal =
        parse_request_head(std::string_view(bytes).substr(scan.skip, scan.length), limits, head);
    if (refusal) return {std::to_string(refusal.status), "", "", ""};

    Verdict verdict{describe(head.framing, head.content_length), "", "", ""};
    if (!head.keep_alive) verdict.outcome += " close";
    std::string_view left = std::string_view(bytes).substr(scan.skip + scan.length);
    switch (take_body(head.framing, head.content_length, ChunkedReader(), left, verdict.body)) {
        case BodyEnd::complete:
            break;
        case BodyEnd::cut:
            verdict.outcome += " cut";
            break;
        case BodyEnd::malformed:
            return {"body 400", "", "", ""};
    }
    verdict.rest = left;
    ForwardingContext context;
    context.client_ip = "192.0.2.7";
    context.scheme = "http";
    context.server_host = "server:5001";
    append_request_head(verdict.out, head, context, false);
    verdict.out = without_forwarding(verdict.out);
    return verdict;
}

Verdict read_response(const std::string& bytes, Method method, std::size_t step) {
    ResponseHead head;
    ResponseHeadReader reader;
    ResponseParse parse;
    for (std::size_t seen = 0; seen < bytes.size();) {
        seen = std::min(bytes.size(), seen + step);
        parse = reader.parse(std::string_view(bytes).substr(0, seen), method, head);
        if (parse.state != ParseState::incomplete) break;
    }
    switch (parse.state) {
        case ParseState::malformed:
            return {"malformed", "", "", ""};
        case ParseState::incomplete:
            return {"incomplete", "", "", ""};
        case ParseState::complete:
            break;
    }
    Verdict verdict{describe(head.framing, head.content_length), "", "", ""};
    if (!head.keep_alive) verdict.outcome += " last";
    std::string_view left = std::string_view(bytes).substr(parse.length);
    switch (take_body(head.framing, head.content_length, ChunkedReader(true), left, verdict.body)) {
        case BodyEnd::complete:
            break;
        case BodyEnd::cut:
            verdict.outcome += " cut";
            break;
        case BodyEnd::malformed:
            return {"body malformed", "", "", ""};
    }
    verdict.rest = left;
    append_response_head(verdict.out, head, {head.framing, head.keep_alive, false}, "now");
    return verdict;
}

void expect_same(const Verdict& actual, const Verdict& wanted) {
    EXPECT_EQ(actual.outcome, wanted.outcome);
    EXPECT_EQ(actual.body, wanted.body);
    EXPECT_EQ(actual.rest, wanted.rest);
    EXPECT_EQ(actual.out, wanted.out);
}

bool names_a_section(const std::string& cell) {
    return cell.size() >= 6 && cell[4] == ' ' && std::all_of(cell.begin(), cell.end(), [](char c) {
               return is_digit(static_cast<unsigned char>(c)) || c == '.' || c == ' ';
           });
}

/// Checks a table; `read(row, bytes, step)` reads the bytes of a row. The last two cells of a row
/// are its bytes and what comes of them.
template <typename Read>
void check_table(const std::string& name, std::size_t cells, Read read) {
    for (const Row& row : read_table(name, cells)) {
        SCOPED_TRACE(name + ":" + std::to_string(row.line) + ": " + row.cells[1]);
        EXPECT_TRUE(names_a_section(row.cells[0])) << row.cells[0];
        const auto bytes = unescape(row.cells[cells - 2]);
        ASSERT_TRUE(bytes) << "a bad escape";
        const Verdict actual = read(row, *bytes, bytes->size());
        expect_same(actual, expected(row.cells[cells - 1], actual));
        expect_same(read(row, *bytes, std::max<std::size_t>(1, bytes->size() / 1000)), actual);
    }
}

TEST(Framing, Requests) {
    check_table("framing_requests.txt", 4,
                [](const Row&, const std::string& bytes, std::size_t step) {
                    return read_request(bytes, step);
                });
}

TEST(Framing, Responses) {
    check_table("framing_responses.txt", 5,
                [](const Row& row, const std::string& bytes, std::size_t step) {
                    const Method method = row.cells[2] == "HEAD" ? Method::head : Method::get;
                    return read_response(bytes, method, step);
                });
}

}  // namespace
}  // namespace otto::http1
