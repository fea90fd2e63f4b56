// What the worst heads cost, compared with plain ones of the same size: every loop over a head is
// linear in it. A loop that is not costs a thousand times as much at the largest limits. Parsing is
// a part of what a request costs: 50 times as much of it is some 5 times as much of that.

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <time.h>

#include "http/chunked.h"
#include "http/cookie.h"
#include "http/error_reply.h"
#include "http/field_lines.h"
#include "http/forwarding.h"
#include "http/parse_request.h"
#include "http/parse_response.h"

namespace otto::http {
namespace {

#if defined(__OPTIMIZE__) && defined(NDEBUG)
constexpr double most_ratio = 50;
#else
// Without optimisation what is scanned by vector instructions and what is not are further apart.
constexpr double most_ratio = 250;
#endif

/// The limits that a head is built for.
struct Size {
    std::size_t bytes;
    std::size_t fields;
};
constexpr Size defaults{32 * 1024, 100};
constexpr Size largest{1024 * 1024, 1000};
constexpr Size response{max_response_head, max_response_fields};

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

/// The fields of the worst heads that we know of.
Heads hostile_fields(Size size) {
    Heads heads;
    // At the largest limits a few will do: loops that are not linear cost a thousand times as much.
    const bool all = size.fields < largest.fields;
    const auto fillings = std::span(all_fillings).first(all ? all_fillings.size() : 4);
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
    for (const std::size_t length : {3, 30, 250}) {
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

/// What `work` costs, in nanoseconds of this thread's CPU time: the least of some runs, which end
/// as soon as it is no more than `enough`.
double cost(const std::function<void()>& work, double enough = 0) {
    constexpr int runs = 5;
    double least = 1e18;
    for (int run = 0; run < runs && least > enough; ++run) {
        timespec begin{};
        timespec end{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
        work();
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
        least = std::min(least, static_cast<double>(end.tv_sec - begin.tv_sec) * 1e9 +
                                    static_cast<double>(end.tv_nsec - begin.tv_nsec));
    }
    return least;
}

void expect_no_worse(const std::string& what, const std::function<void()>& work, double plain) {
    const double took = cost(work, most_ratio * plain);
    EXPECT_LE(took, most_ratio * plain) << what << ": " << took / plain << " times a plain head";
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
    EXPECT_FALSE(error_reply(reply).empty());
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

void compare_requests(Size size) {
    const auto request = [](const std::string& fields) {
        return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
    };
    const std::string ordinary = request(plain_fields(size));
    ASSERT_LE(ordinary.size(), size.bytes);
    const double plain = cost([&] { handle_request(ordinary, size); });
    for (const auto& [what, fields] : hostile_fields(size)) {
        const std::string head = request(fields);
        ASSERT_LE(head.size(), size.bytes) << what;
        expect_no_worse(
            what, [&] { handle_request(head, size); }, plain);
    }
}

TEST(HeadCost, OfRequestsWithinTheDefaultLimits) {
    compare_requests(defaults);
}

TEST(HeadCost, OfRequestsWithinTheLargestLimits) {
    compare_requests(largest);
}

TEST(HeadCost, OfResponses) {
    const auto reply = [](const std::string& fields) {
        return "HTTP/1.1 200 OK\r\n" + fields + "\r\n";
    };
    const std::string ordinary = reply(plain_fields(response));
    const double plain = cost([&] { handle_response(ordinary); });
    for (const auto& [what, fields] : hostile_fields(response)) {
        const std::string head = reply(fields);
        expect_no_worse(
            what, [&] { handle_response(head); }, plain);
    }
}

TEST(HeadCost, OfResponsesThatTrickle) {
    const auto read = [](std::size_t size, std::size_t step) {
        const std::string bytes =
            "HTTP/1.1 200 OK\r\n" + plain_fields({size, max_response_fields}) + "\r\n";
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
    constexpr double most_growth = 24;
    const double small = cost([&] { read(8'000, 1); });
    const double large = cost([&] { read(64'000, 1); }, most_growth * small);
    EXPECT_LE(large, most_growth * small) << large / small << " times as much";
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
    constexpr std::size_t room = 8000;
    const std::string plain = plain_fields({room, 24});
    const Heads hostile{
        {"many fields", repeated("a:\r\n", room)},
        {"many forbidden ones", repeated("authorization:\r\n", room)},
        {"almost forbidden ones", repeated("authorizatiox:\r\n", room)},
        {"underscores", repeated("content_lengtx:\r\n", room)},
        {"tabs", "a:" + std::string(room, '\t') + "\r\n"},
    };
    for (const std::size_t step : {std::size_t{1}, room}) {
        const double least = cost([&] { read_trailer(plain, step); });
        for (const auto& [what, trailer] : hostile)
            expect_no_worse(
                what, [&, &t = trailer] { read_trailer(t, step); }, least);
    }
}

}  // namespace
}  // namespace otto::http
