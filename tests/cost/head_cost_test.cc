// What the worst heads cost as they grow: every loop over a head is linear in it. Eight times the
// bytes and the fields cost about eight times as many steps, and sixty-four times as many where a
// loop is not linear. Steps are counted, not timed, so that a test gives the same answer on each
// machine.

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cost/counted_steps.h"
#include "http/connection_options.h"
#include "http/cookie.h"
#include "http/error_reply.h"
#include "http/forwarded.h"
#include "http1/append_request.h"
#include "http1/append_response.h"
#include "http1/chunked.h"
#include "http1/parse_request.h"
#include "http1/parse_response.h"

namespace otto::http1 {

using namespace http;

namespace {

/// How much smaller the small head is.
constexpr std::size_t shrink = 8;
/// Twice what is linear.
constexpr double most_growth = 2 * shrink;

/// The limits that a head is built for.
struct Size {
    std::size_t bytes;
    std::size_t fields;
};
/// The small one is about what the default limits allow.
constexpr Size ordinary{64 * 1024, 800};
constexpr Size largest{1024 * 1024, 1000};
/// What a server may send by default.
constexpr Size response{ResponseLimits{}.header_bytes, ResponseLimits{}.header_count};

using Heads = std::vector<std::pair<std::string, std::string>>;

std::string repeated(std::string_view text, std::size_t bytes) {
    std::string out;
    while (out.size() + text.size() <= bytes) out += text;
    return out;
}

/// Different for each number, and short.
std::string short_name(std::size_t number) {
    std::string name = "x";
    for (; number > 0; number /= 26) name += static_cast<char>('a' + number % 26);
    return name;
}

/// Fields "xab:", so many.
std::string short_fields(std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += short_name(i) + ":\r\n";
    return out;
}

/// What a plain head of that size has: as many fields as may be, with values.
std::string plain_fields(Size size) {
    const std::size_t fields = size.fields - 2;
    std::string out;
    for (std::size_t i = 0; i < fields; ++i)
        out += fmt::format("{}: {}\r\n", short_name(i), std::string(size.bytes / fields - 12, 'v'));
    return out;
}

constexpr std::array names{
    "Accept",
    "Age",
    "Connection",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Date",
    "Expect",
    "Forwarded",
    "Host",
    "Keep-Alive",
    "Max-Forwards",
    "TE",
    "Trailer",
    "traceparent",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Request-Id",
};

constexpr std::array all_fillings{
    ",",
    "a,",
    "10.0.0.1,",
    "otto_server",
    ", ",
    ",\t",
    "\t",
    "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t ",
    ";",
    "; ",
    "\"",
    "=",
    "\\",
    "a;",
    "a=",
    "a=b;",
    "\"a\",",
    "chunke",
    "*/*,",
    "a/b;q=",
    "::,",
    "for=10.0.0.1,",
    "for=\"[::1]\";",
    "for=\"\\",
    "otto_server=",
    "otto_server=0123456789abcdef.0123456789abcdef0123456789abcdef;",
};

/// The fields of the worst heads that we know of, with the first so many fillings.
Heads hostile_fields(Size size, std::size_t most_fillings = all_fillings.size()) {
    Heads heads;
    const auto fillings = std::span(all_fillings).first(most_fillings);
    const std::size_t others = size.fields - 4;
    const std::string many = short_fields(others);
    const std::size_t room = size.bytes - many.size() - 100;
    for (const std::string_view name : names) {
        for (const std::string_view filling : fillings) {
            heads.emplace_back(fmt::format("{}: {:?}…", name, filling),
                               fmt::format("{}: zz{}\r\n{}", name, repeated(filling, room), many));
            std::string fields;
            const std::size_t each = (size.bytes - 100) / others - name.size() - 4;
            for (std::size_t i = 0; i < others; ++i)
                fields += fmt::format("{}: {}\r\n", name, repeated(filling, each));
            heads.emplace_back(fmt::format("many {}: {:?}…", name, filling), fields);
        }
    }
    // Connection options that are as long as the names, and differ from them at the end.
    for (const std::size_t length : {3, 30, 200}) {
        std::string fields = "Connection: zz";
        for (std::size_t i = 0; i + 1 < max_connection_options; ++i)
            fields += fmt::format(",{:n>{}}{:02}", "", length, i);
        fields += "\r\n";
        for (std::size_t i = 0; i < others && fields.size() + length + 100 < size.bytes; ++i)
            fields += fmt::format("{:n>{}}{:02}:\r\n", "", length, 40 + i % 60);
        fields += fmt::format("y: {}\r\n", std::string(size.bytes - fields.size() - 60, 'v'));
        heads.emplace_back(fmt::format("options of {} bytes", length), fields);
    }
    heads.emplace_back("long names", [&] {
        std::string fields = "Connection: zz\r\n";
        for (std::size_t i = 0; i < others; ++i)
            fields += std::string((size.bytes - 100) / others - 4, 'n') + ":\r\n";
        return fields;
    }());
    heads.emplace_back("names with underscores", [&] {
        std::string fields;
        for (std::size_t i = 0; i < others; ++i)
            fields += std::string((size.bytes - 100) / others - 4, '_') + ":\r\n";
        return fields;
    }());
    heads.emplace_back("more fields than may be", repeated("a:\r\n", size.bytes - 100));
    return heads;
}

/// What `work` costs, in steps: see counted_steps.h.
double cost(const std::function<void()>& work) {
    const std::uint64_t before = counted_steps();
    work();
    return static_cast<double>(counted_steps() - before);
}

void expect_linear(const std::string& what, const std::function<void()>& small,
                   const std::function<void()>& large) {
    const double before = cost(small);
    const double after = cost(large);
    ASSERT_GT(before, 0) << what << ": nothing is counted";
    EXPECT_LE(after, most_growth * before) << what << ": " << after / before << " times as much";
}

/// All that is done with a request's head.
void handle_request(const std::string& bytes, Size size) {
    const RequestLimits limits{.header_bytes = size.bytes,
                               .header_count = static_cast<unsigned>(size.fields),
                               .target_bytes = 16 * 1024};
    const HeadScan scan = scan_request_head(bytes, 0, limits);
    RequestHead head;
    const Refusal refusal = scan.refusal ? scan.refusal : parse_request_head(bytes, limits, head);
    const auto trusted = [](const Address&) { return true; };
    const Address peer = *Address::from_ip("10.0.0.1", 1);
    EXPECT_TRUE(believed_client(peer, head, trusted).is_ip());
    Cookies cookies(head, "otto_server");
    while (cookies.next()) continue;
    std::string accept;
    for (const Field& field : head.fields)
        if (field.id == FieldId::accept) accept.append(field.value).append(", ");
    ErrorReply reply;
    reply.accept = accept;
    EXPECT_FALSE(error_reply(reply).body.empty());
    if (refusal) return;
    std::string out;
    ForwardingContext context;
    context.client_ip = "10.0.0.1";
    context.trusted = true;
    context.scheme = "http";
    append_request_head(out, head, context, head.upgrade);
    EXPECT_FALSE(out.empty());
}

void handle_response(const std::string& bytes) {
    ResponseHead head;
    if (parse_response_head(bytes, Method::get, head).state != ParseState::complete) return;
    std::string out;
    append_response_head(out, head, {.framing = head.framing}, "now");
    append_interim_head(out, head);
    EXPECT_FALSE(out.empty());
}

Size smaller(Size size) {
    return {size.bytes / shrink, size.fields / shrink};
}

void compare_requests(Size size, std::size_t most_fillings) {
    const Heads small = hostile_fields(smaller(size), most_fillings);
    const Heads large = hostile_fields(size, most_fillings);
    for (std::size_t i = 0; i < large.size(); ++i) {
        const auto request = [](const std::string& fields) {
            return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
        };
        const std::string less = request(small[i].second);
        const std::string more = request(large[i].second);
        ASSERT_LE(less.size(), smaller(size).bytes) << large[i].first;
        ASSERT_LE(more.size(), size.bytes) << large[i].first;
        expect_linear(
            large[i].first, [&] { handle_request(less, smaller(size)); },
            [&] { handle_request(more, size); });
    }
}

TEST(HeadCost, OfRequests) {
    compare_requests(ordinary, all_fillings.size());
}

TEST(HeadCost, OfRequestsWithinTheLargestLimits) {
    compare_requests(largest, 2);
}

TEST(HeadCost, OfResponses) {
    const Heads small = hostile_fields(smaller(response));
    const Heads large = hostile_fields(response);
    for (std::size_t i = 0; i < large.size(); ++i) {
        const auto reply = [](const std::string& fields) {
            return "HTTP/1.1 200 OK\r\n" + fields + "\r\n";
        };
        const std::string less = reply(small[i].second);
        const std::string more = reply(large[i].second);
        expect_linear(
            large[i].first, [&] { handle_response(less); }, [&] { handle_response(more); });
    }
}

TEST(HeadCost, OfResponsesThatTrickle) {
    const auto read = [](std::size_t size, std::size_t step) {
        const std::string bytes =
            "HTTP/1.1 200 OK\r\n" + plain_fields({size, response.fields}) + "\r\n";
        ResponseHeadReader reader;
        ResponseHead head;
        std::size_t at = 0;
        ResponseParse parse;
        while (parse.state == ParseState::incomplete && at < bytes.size()) {
            at = std::min(at + step, bytes.size());
            parse = reader.parse(std::string_view(bytes).substr(0, at), Method::get, head);
        }
        EXPECT_EQ(parse.state, ParseState::complete);
        EXPECT_EQ(at, bytes.size());
        EXPECT_EQ(parse.length, bytes.size());
    };
    // Eight times as much, byte by byte, would cost sixty-four times as much, were it parsed anew
    // for each.
    expect_linear(
        "byte by byte", [&] { read(8'000, 1); }, [&] { read(64'000, 1); });
    read(64'000, 7);
}

/// Reads a chunked body that ends in `trailer`, in pieces of `step` bytes.
void read_trailer(const std::string& trailer, std::size_t step) {
    const std::string bytes = "0\r\n" + trailer + "\r\n";
    ChunkedReader reader;
    for (std::size_t at = 0; at < bytes.size();) {
        const auto piece = reader.next(std::string_view(bytes).substr(at, step));
        ASSERT_NE(piece.kind, ChunkedReader::Kind::malformed) << reader.reason();
        at += piece.length;
    }
}

TEST(HeadCost, OfTrailers) {
    const auto hostile = [](std::size_t room) {
        return Heads{
            {"many fields", repeated("a:\r\n", room)},
            {"many forbidden ones", repeated("authorization:\r\n", room)},
            {"almost forbidden ones", repeated("authorizatiox:\r\n", room)},
            {"underscores", repeated("content_lengtx:\r\n", room)},
            {"tabs", "a:" + std::string(room, '\t') + "\r\n"},
        };
    };
    constexpr std::size_t room = 8000;
    const Heads small = hostile(room / shrink);
    const Heads large = hostile(room);
    for (const std::size_t step : {std::size_t{1}, room}) {
        for (std::size_t i = 0; i < large.size(); ++i)
            expect_linear(
                large[i].first, [&] { read_trailer(small[i].second, step); },
                [&] { read_trailer(large[i].second, step); });
    }
}

}  // namespace
}  // namespace otto::http1
