#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "http/characters.h"
#include "http/fields.h"
#include "http1/parse_request.h"

namespace otto::http1 {

using namespace http;

namespace {

using std::string_literals::operator""s;

/// What one message came to, through the scan and the parser.
struct Outcome {
    std::size_t skip = 0;
    std::size_t length = 0;
    unsigned status = 0;  // 0: accepted
    std::string reason;
    bool complete = false;
};

Outcome judge(std::string_view input, RequestHead& head, const RequestLimits& limits = {}) {
    const HeadScan scan = scan_request_head(input, 0, limits);
    Outcome outcome{scan.skip, scan.length, scan.refusal.status, scan.refusal.reason, true};
    if (scan.refusal) return outcome;
    if (scan.length == 0) {
        outcome.complete = false;
        return outcome;
    }
    const Refusal refusal = parse_request_head(input.substr(scan.skip, scan.length), limits, head);
    outcome.status = refusal.status;
    outcome.reason = refusal.reason;
    return outcome;
}

/// The same with the bytes coming in steps of `step`.
Outcome judge_stepwise(std::string_view input, std::size_t step, RequestHead& head) {
    const RequestLimits limits;
    std::size_t from = 0;
    for (std::size_t size = std::min(step, input.size());;
         size = std::min(size + step, input.size())) {
        // A copy of exactly that size lets the address sanitizer see every read beyond it.
        const std::vector<char> bytes(input.begin(), input.begin() + static_cast<long>(size));
        const HeadScan scan = scan_request_head({bytes.data(), bytes.size()}, from, limits);
        if (scan.refusal) return {scan.skip, 0, scan.refusal.status, scan.refusal.reason, true};
        if (scan.length != 0) return judge(input.substr(0, size), head);
        if (size == input.size()) return {};
        from = size;
    }
}

struct Row {
    const char* section;
    std::string message;
    unsigned status;
};

std::string get(const std::string& fields) {
    return "GET / HTTP/1.1\r\n" + fields + "\r\n";
}
std::string with_host(const std::string& fields) {
    return get("Host: a\r\n" + fields);
}
std::string host(const std::string& value) {
    return get("Host: " + value + "\r\n");
}
std::string target(const std::string& target) {
    return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
}
std::string line(const std::string& line) {
    return line + "\r\nHost: a\r\n\r\n";
}

const std::vector<Row>& rows() {
    static const std::vector<Row> all = {
        // Lines and characters.
        {"9112 2.2 bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
        {"9112 2.2 bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
        {"9112 2.2 bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
        {"9112 2.2 bare LF before the request", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"9112 2.2 bare CR in a value", with_host("X: a\rb\r\n"), 400},
        {"9112 2.2 bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"9112 2.2 bare CR before the end", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", 400},
        {"9112 2.2 bare CR before a line's end", with_host("X: a\r\r\n"), 400},
        {"9110 5.5 NUL in a value", with_host("X: a\0b\r\n"s), 400},
        {"9110 5.5 NUL in a name", with_host("X\0: b\r\n"s), 400},
        {"9112 3 NUL in the target", target("/\0"s), 400},
        {"9110 5.5 BEL in a value", with_host("X: \a\r\n"), 400},
        {"9110 5.5 DEL in a value", with_host("X: a\x7f\r\n"), 400},
        {"9110 5.5 VT in a value", with_host("X: a\vb\r\n"), 400},
        {"9110 5.5 FF in a value", with_host("X: a\fb\r\n"), 400},
        {"9110 5.5 HTAB in a value is allowed", with_host("X: a\tb\r\n"), 0},
        {"9110 5.5 obs-text in a value is allowed", with_host("X: caf\xc3\xa9 \x80\xff\r\n"), 0},
        {"9110 5.5 an empty value is allowed", with_host("X:\r\nY: \t \r\n"), 0},
        {"9112 5.2 obs-fold with SP", with_host("X: a\r\n b\r\n"), 400},
        {"9112 5.2 obs-fold with HTAB", with_host("X: a\r\n\tb\r\n"), 400},
        {"9112 2.2 white space before the first field", get(" Host: a\r\n"), 400},
        {"9112 5.1 space before the colon", with_host("X : a\r\n"), 400},
        {"9112 5.1 HTAB before the colon", with_host("X\t: a\r\n"), 400},
        {"9112 5.1 space before the colon of Content-Length", with_host("Content-Length : 1\r\n"),
         400},
        {"9110 5.1 an empty name", with_host(": a\r\n"), 400},
        {"9110 5.1 a line without a colon", with_host("X\r\n"), 400},
        {"9110 5.1 a name with '('", with_host("X(: a\r\n"), 400},
        {"9110 5.1 a name with '@'", with_host("X@: a\r\n"), 400},
        {"9110 5.1 a name with obs-text", with_host("X\xe9: a\r\n"), 400},
        {"9110 5.1 every character of a token", with_host("!#$%&'*+-.^_`|~09azAZ: a\r\n"), 0},
        {"9110 5.1 an underscore that imitates Content-Length", with_host("Content_Length: 1\r\n"),
         400},
        {"9110 5.1 an underscore that imitates X-Forwarded-For",
         with_host("x_forwarded-for: 1\r\n"), 400},
        {"9110 5.1 an innocent underscore", with_host("my_field: 1\r\n"), 0},
        // The request line.
        {"9112 3 plain", line("GET / HTTP/1.1"), 0},
        {"9112 3 two spaces after the method", line("GET  / HTTP/1.1"), 400},
        {"9112 3 two spaces before the version", line("GET /  HTTP/1.1"), 400},
        {"9112 3 HTAB for SP", line("GET\t/ HTTP/1.1"), 400},
        {"9112 3 a space after the version", line("GET / HTTP/1.1 "), 400},
        {"9112 3 a space before the method", line(" GET / HTTP/1.1"), 400},
        {"9112 3 no method", line("/ HTTP/1.1"), 400},
        {"9110 9.1 a method that is no token", line("G(T / HTTP/1.1"), 400},
        {"9110 9.1 a method with a colon", line("GET: / HTTP/1.1"), 400},
        {"9110 9.1 an unknown method", line("BREW / HTTP/1.1"), 0},
        {"9112 3 a method too long", line(std::string(65, 'A') + " / HTTP/1.1"), 501},
        {"9112 3 the longest method", line(std::string(64, 'A') + " / HTTP/1.1"), 0},
        {"9112 3 only a method", line("GET"), 400},
        {"9112 3 no target", line("GET HTTP/1.1"), 400},
        {"9112 3 an empty target", line("GET  HTTP/1.1"), 400},
        {"9112 3 HTTP/0.9", line("GET /"), 400},
        {"9112 2.3 HTTP/1.0", line("GET / HTTP/1.0"), 0},
        {"9112 2.3 HTTP/1.2", line("GET / HTTP/1.2"), 0},
        {"9112 2.3 HTTP/2.0", line("GET / HTTP/2.0"), 505},
        {"9112 2.3 HTTP/0.9 spelt out", line("GET / HTTP/0.9"), 505},
        {"9113 3.4 the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\n", 505},
        {"9112 2.3 HTTP/2", line("GET / HTTP/2"), 400},
        {"9112 2.3 lower case", line("GET / http/1.1"), 400},
        {"9112 2.3 HTTP/1.10", line("GET / HTTP/1.10"), 400},
        {"9112 2.3 HTTP/01.1", line("GET / HTTP/01.1"), 400},
        {"9112 2.3 HTTP/+1.1", line("GET / HTTP/+.1"), 400},
        {"9112 2.3 HTTPS/1.1", line("GET / HTTPS/1.1"), 400},
        // Targets.
        {"9112 3.2.1 origin-form", target("/a/b?c=d&e"), 0},
        {"9112 3.2.1 two slashes", target("//evil.example/x"), 0},
        {"9112 3.2 a fragment", target("/a#b"), 400},
        {"9112 3.2 HTAB", target("/a\tb"), 400},
        {"9112 3.2 obs-text", target("/caf\xc3\xa9"), 400},
        {"9112 3.2 DEL", target("/\x7f"), 400},
        {"9112 3.2 a relative path", target("a"), 400},
        {"9112 3.2 only a query", target("?a"), 400},
        {"9112 3.2.4 the asterisk with GET", target("*"), 400},
        {"9112 3.2.4 the asterisk with OPTIONS", line("OPTIONS * HTTP/1.1"), 0},
        {"9112 3.2.4 more than an asterisk", line("OPTIONS *a HTTP/1.1"), 400},
        {"9112 3.2.3 authority-form with GET", target("a:80"), 400},
        {"9112 3.2.3 authority-form with CONNECT", line("CONNECT b:443 HTTP/1.1"), 0},
        {"9112 3.2.3 CONNECT to IPv6", line("CONNECT [::1]:443 HTTP/1.1"), 0},
        {"9112 3.2.3 CONNECT without a port", line("CONNECT b HTTP/1.1"), 400},
        {"9112 3.2.3 CONNECT to IPv6 without a port", line("CONNECT [::1] HTTP/1.1"), 400},
        {"9112 3.2.3 CONNECT with an empty port", line("CONNECT b: HTTP/1.1"), 400},
        {"9112 3.2.3 CONNECT with origin-form", line("CONNECT / HTTP/1.1"), 400},
        {"9112 3.2.2 absolute-form", target("http://a/b?c"), 0},
        {"9112 3.2.2 absolute-form, upper case", target("HTTP://A/"), 0},
        {"9112 3.2.2 absolute-form without a path", target("http://a"), 0},
        {"9112 3.2.2 absolute-form with only a query", target("http://a?b"), 0},
        {"9112 3.2.2 a Host that differs", target("http://b/"), 400},
        {"9110 4.2.3 a Host without the default port", target("http://a:80/"), 0},
        {"9110 4.2.1 an empty host", target("http:///b"), 400},
        {"9110 4.2.4 userinfo", target("http://u@a/"), 400},
        {"9110 4.2.4 userinfo with a password", target("http://u:1@a/"), 400},
        {"9110 7.4 https without TLS", target("https://a/"), 421},
        {"9112 3.2.2 another scheme", target("ftp://a/"), 400},
        {"9112 3.2.2 a scheme without slashes", target("http:a"), 400},
        // Host.
        {"9112 3.2 no Host", get(""), 400},
        {"9112 3.2 no Host with absolute-form", "GET http://a/ HTTP/1.1\r\n\r\n", 400},
        {"9112 3.2 no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 0},
        {"9112 3.2 two Hosts", with_host("Host: b\r\n"), 400},
        {"9112 3.2 two equal Hosts", with_host("hOST: a\r\n"), 400},
        {"9112 3.2 two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"9110 4.2.1 an empty Host", host(""), 400},
        {"9110 4.2.1 an empty Host in HTTP/1.0", "GET / HTTP/1.0\r\nHost:\r\n\r\n", 400},
        {"9110 7.2 a name and a port", host("a.example:8080"), 0},
        {"9110 7.2 an underscore", host("my_app.local"), 0},
        {"9110 7.2 IPv4", host("192.0.2.1:80"), 0},
        {"9110 7.2 IPv6", host("[2001:db8::1]:80"), 0},
        {"9110 7.2 IPv6 without a port", host("[::1]"), 0},
        {"9110 7.2 IPv6 without brackets", host("::1"), 400},
        {"9110 7.2 an open bracket", host("[::1"), 400},
        {"9110 7.2 no IPv6 in brackets", host("[a]"), 400},
        {"9110 7.2 empty brackets", host("[]"), 400},
        {"9110 7.2 a zone", host("[fe80::1%25eth0]"), 400},
        {"9110 7.2 IPvFuture", host("[v1.a]"), 400},
        {"9110 7.2 text after the bracket", host("[::1]a"), 400},
        {"9110 7.2 userinfo", host("u@a"), 400},
        {"9110 7.2 a path", host("a/b"), 400},
        {"9110 7.2 a scheme", host("http://a"), 400},
        {"9110 7.2 a query", host("a?b"), 400},
        {"9110 7.2 a fragment", host("a#b"), 400},
        {"9110 7.2 a backslash", host("a\\b"), 400},
        {"9110 7.2 a space", host("a b"), 400},
        {"9110 7.2 HTAB", host("a\tb"), 400},
        {"9110 7.2 a comma", host("a,b"), 400},
        {"9110 7.2 a quote", host("a\"b"), 400},
        {"9110 7.2 angle brackets", host("<script>"), 400},
        {"9110 7.2 obs-text", host("caf\xe9"), 400},
        {"9110 7.2 percent-encoding", host("a%2eb"), 0},
        {"9110 7.2 broken percent-encoding", host("a%2"), 400},
        {"9110 7.2 no percent-encoding", host("a%zz"), 400},
        {"9110 7.2 only a port", host(":80"), 400},
        {"9110 7.2 an empty port", host("a:"), 0},
        {"9110 7.2 the largest port", host("a:65535"), 0},
        {"9110 7.2 a port too large", host("a:65536"), 400},
        {"9110 7.2 a port of many digits", host("a:000080"), 400},
        {"9110 7.2 a port that is none", host("a:80a"), 400},
        {"9110 7.2 a signed port", host("a:+80"), 400},
        {"9110 7.2 two ports", host("a:80:80"), 400},
        // Content-Length.
        {"9110 8.6 zero", with_host("Content-Length: 0\r\n"), 0},
        {"9110 8.6 the largest", with_host("Content-Length: 9223372036854775807\r\n"), 0},
        {"9110 8.6 2^63", with_host("Content-Length: 9223372036854775808\r\n"), 400},
        {"9110 8.6 20 digits", with_host("Content-Length: 18446744073709551617\r\n"), 400},
        {"9110 8.6 empty", with_host("Content-Length:\r\n"), 400},
        {"9110 8.6 +5", with_host("Content-Length: +5\r\n"), 400},
        {"9110 8.6 -1", with_host("Content-Length: -1\r\n"), 400},
        {"9110 8.6 0x5", with_host("Content-Length: 0x5\r\n"), 400},
        {"9110 8.6 5 5", with_host("Content-Length: 5 5\r\n"), 400},
        {"9110 8.6 a list", with_host("Content-Length: 5,5\r\n"), 400},
        {"9110 8.6 a list with a space", with_host("Content-Length: 5, 6\r\n"), 400},
        {"9110 8.6 5.0", with_host("Content-Length: 5.0\r\n"), 400},
        {"9110 8.6 1e1", with_host("Content-Length: 1e1\r\n"), 400},
        {"9110 8.6 leading zeros", with_host("Content-Length: 007\r\n"), 400},
        {"9110 8.6 two zeros", with_host("Content-Length: 00\r\n"), 400},
        {"9110 8.6 quoted", with_host("Content-Length: \"5\"\r\n"), 400},
        {"9112 6.3 two", with_host("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
        {"9112 6.3 two equal", with_host("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
        // Transfer-Encoding.
        {"9112 6.1 chunked", with_host("Transfer-Encoding: chunked\r\n"), 0},
        {"9112 6.1 ChUnKeD", with_host("transfer-ENCODING:\tChUnKeD \r\n"), 0},
        {"9112 6.1 with Content-Length",
         with_host("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
        {"9112 6.1 with Content-Length, the other way round",
         with_host("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
        {"9112 6.1 an unknown coding with Content-Length",
         with_host("Content-Length: 5\r\nTransfer-Encoding: gzip\r\n"), 400},
        {"9112 6.1 in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
         400},
        {"9112 6.1 gzip", with_host("Transfer-Encoding: gzip\r\n"), 501},
        {"9112 6.1 gzip, chunked", with_host("Transfer-Encoding: gzip, chunked\r\n"), 501},
        {"9112 7 identity", with_host("Transfer-Encoding: identity\r\n"), 501},
        {"9112 6.1 chunked twice", with_host("Transfer-Encoding: chunked, chunked\r\n"), 400},
        {"9112 6.1 chunked not last", with_host("Transfer-Encoding: chunked, gzip\r\n"), 400},
        {"9112 6.1 two fields",
         with_host("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
        {"9112 6.1 two fields, one unknown",
         with_host("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), 501},
        {"9112 7.1 a parameter", with_host("Transfer-Encoding: chunked;x\r\n"), 400},
        {"9112 6.1 xchunked", with_host("Transfer-Encoding: xchunked\r\n"), 400},
        {"9112 6.1 chunked with a suffix", with_host("Transfer-Encoding: chunkedx\r\n"), 400},
        {"9112 6.1 empty", with_host("Transfer-Encoding:\r\n"), 400},
        {"9112 6.1 an empty element", with_host("Transfer-Encoding: ,chunked\r\n"), 400},
        {"9112 6.1 an empty last element", with_host("Transfer-Encoding: chunked,\r\n"), 400},
        {"9112 6.1 quoted", with_host("Transfer-Encoding: \"chunked\"\r\n"), 400},
        {"9112 6.1 two words", with_host("Transfer-Encoding: chunked chunked\r\n"), 400},
        {"9112 6.1 VT before it", with_host("Transfer-Encoding: \vchunked\r\n"), 400},
        {"9112 6.1 obs-text before it",
         with_host("Transfer-Encoding: \xa0"
                   "chunked\r\n"),
         400},
        {"9112 5.2 folded", with_host("Transfer-Encoding:\r\n chunked\r\n"), 400},
        // Expect and Connection.
        {"9110 10.1.1 100-continue", with_host("Expect: 100-Continue\r\n"), 0},
        {"9110 10.1.1 something else", with_host("Expect: 200-ok\r\n"), 417},
        {"9110 10.1.1 a list", with_host("Expect: 100-continue, x\r\n"), 417},
        {"9110 10.1.1 two fields", with_host("Expect: 100-continue\r\nExpect: 100-continue\r\n"),
         417},
        {"9110 10.1.1 framing is judged first", with_host("Expect: x\r\nContent-Length: x\r\n"),
         400},
        {"9110 7.6.1 as many options as are allowed",
         with_host("Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p\r\n"
                   "Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p\r\n"),
         0},
        {"9110 7.6.1 too many options",
         with_host("Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\r\n"
                   "Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p\r\n"),
         400},
        // Empty lines before the request.
        {"9112 2.2 four empty lines", "\r\n\r\n\r\n\r\n" + with_host(""), 0},
        {"9112 2.2 five empty lines", "\r\n\r\n\r\n\r\n\r\n" + with_host(""), 400},
        // What speaks something else.
        {"a TLS ClientHello", "\x16\x03\x01\x02"s, 400},
    };
    return all;
}

TEST(HttpRequest, AcceptsAndRefusesAsTheRfcsSay) {
    for (const Row& row : rows()) {
        RequestHead head;
        const Outcome outcome = judge(row.message, head);
        EXPECT_TRUE(outcome.complete) << row.section;
        EXPECT_EQ(outcome.status, row.status) << row.section << ": " << outcome.reason;
        EXPECT_EQ(outcome.status == 0, outcome.reason.empty()) << row.section;
    }
}

TEST(HttpRequest, EveryWayOfSplittingGivesTheSame) {
    for (const Row& row : rows()) {
        RequestHead head;
        const Outcome whole = judge(row.message, head);
        for (std::size_t step = 1; step <= row.message.size(); ++step) {
            const Outcome split = judge_stepwise(row.message, step, head);
            EXPECT_EQ(split.status, whole.status) << row.section << " in steps of " << step;
            EXPECT_TRUE(split.complete) << row.section << " in steps of " << step;
            EXPECT_EQ(split.skip, whole.skip) << row.section << " in steps of " << step;
            if (whole.status != 0) continue;
            EXPECT_EQ(split.length, whole.length) << row.section << " in steps of " << step;
        }
    }
}

TEST(HttpRequest, EveryPrefixOfAGoodHeadIsIncomplete) {
    for (const Row& row : rows()) {
        if (row.status != 0) continue;
        for (std::size_t size = 0; size < row.message.size(); ++size) {
            RequestHead head;
            const auto outcome = judge(std::string_view(row.message).substr(0, size), head);
            EXPECT_FALSE(outcome.complete) << row.section << " cut at " << size;
        }
    }
}

TEST(HttpRequest, EveryForbiddenByteIsRefusedWhereverItStands) {
    const std::string good = "GET /p HTTP/1.1\r\nHost: a\r\nX: b c\r\n\r\n";
    for (int c = 0; c < 256; ++c) {
        if ((c >= 0x20 && c != 0x7f) || c == '\t') continue;
        for (std::size_t at = 0; at < good.size(); ++at) {
            std::string message = good;
            message.insert(at, 1, static_cast<char>(c));
            RequestHead head;
            const Outcome outcome = judge(message, head);
            // CR or LF beside their like may leave a head followed by bytes, never one that is read
            // amiss.
            if (c != '\r' && c != '\n') {
                EXPECT_EQ(outcome.status, 400u) << c << " at " << at;
                EXPECT_EQ(parse_request_head(message, {}, head).status, 400u) << c << " at " << at;
            } else if (outcome.complete && outcome.status == 0) {
                EXPECT_EQ(head.fields.size() + head.path.size(), 4u) << c << " at " << at;
            }
        }
    }
}

TEST(HttpRequest, PartsOfAHead) {
    const std::string message =
        "\r\nPOST /a/b?c HTTP/1.1\r\nHost: App.example:8080\r\nX-Empty:\r\nAccept: \t a, b\t \r\n"
        "Content-Length: 12\r\nExpect: 100-continue\r\n\r\nbody";
    const HeadScan scan = scan_request_head(message, 0, {});
    ASSERT_FALSE(scan.refusal);
    EXPECT_EQ(scan.skip, 2u);
    EXPECT_EQ(scan.length, message.size() - 2 - 4);
    RequestHead head;
    ASSERT_FALSE(parse_request_head(std::string_view(message).substr(2, scan.length), {}, head));
    EXPECT_EQ(head.method, Method::post);
    EXPECT_EQ(head.method_text, "POST");
    EXPECT_EQ(head.target, "/a/b?c");
    EXPECT_EQ(head.path, "/a/b?c");
    EXPECT_EQ(head.authority, "App.example:8080");
    EXPECT_FALSE(head.absolute_form);
    EXPECT_EQ(head.version_minor, 1u);
    EXPECT_EQ(head.framing, Framing::length);
    EXPECT_EQ(head.content_length, 12u);
    EXPECT_TRUE(head.keep_alive);
    EXPECT_TRUE(head.expect_continue);
    EXPECT_FALSE(head.upgrade);
    ASSERT_EQ(head.fields.size(), 5u);
    EXPECT_EQ(head.fields[1].name, "X-Empty");
    EXPECT_EQ(head.fields[1].value, "");
    EXPECT_EQ(head.fields[1].line, "X-Empty:\r\n");
    EXPECT_EQ(head.fields[2].value, "a, b");
    EXPECT_EQ(head.fields[2].line, "Accept: \t a, b\t \r\n");
    EXPECT_EQ(head.find(FieldId::accept), &head.fields[2]);
    EXPECT_EQ(head.find(FieldId::te), nullptr);
}

TEST(HttpRequest, TargetsAreTakenApart) {
    struct {
        const char* line;
        const char* authority;
        const char* path;
        bool absolute;
    } const table[] = {
        {"GET /x HTTP/1.1\r\nHost: b", "b", "/x", false},
        {"GET http://b/x?y HTTP/1.1\r\nHost: B", "b", "/x?y", true},
        {"GET http://b HTTP/1.1\r\nHost: b", "b", "/", true},
        {"GET http://b?y/z HTTP/1.1\r\nHost: b", "b", "?y/z", true},
        {"OPTIONS http://b:81 HTTP/1.1\r\nHost: b:81", "b:81", "*", true},
        {"OPTIONS * HTTP/1.1\r\nHost: b", "b", "*", false},
        {"GET http://b/ HTTP/1.0\r\nX: y", "b", "/", true},
        {"GET / HTTP/1.0\r\nX: y", "", "/", false},
        {"CONNECT b:443 HTTP/1.1\r\nHost: c", "b:443", "", false},
    };
    for (const auto& row : table) {
        const std::string message = std::string(row.line) + "\r\n\r\n";
        RequestHead head;
        const Refusal refusal = parse_request_head(message, {}, head);
        EXPECT_FALSE(refusal) << row.line << ": " << refusal.reason;
        EXPECT_EQ(head.authority, row.authority) << row.line;
        EXPECT_EQ(head.path, row.path) << row.line;
        EXPECT_EQ(head.absolute_form, row.absolute) << row.line;
    }
}

TEST(HttpRequest, AnHttpsTargetIsAcceptedUnderTls) {
    RequestLimits limits;
    limits.secure = true;
    RequestHead head;
    EXPECT_FALSE(parse_request_head("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", limits, head));
    EXPECT_EQ(head.authority, "a");
}

TEST(HttpRequest, ConnectionPersistenceAndUpgrade) {
    struct {
        const char* message;
        bool keep_alive;
        bool upgrade;
        bool expect_continue;
    } const table[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n", true, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", false, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, ClosE\r\n", false, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n", false, false,
         false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n", true, false, false},
        {"GET / HTTP/1.0\r\n", false, false, false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n", true, false, false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n", false, false, false},
        {"GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n", false, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", true, true,
         false},
        {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n", true, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n", true, false, false},
        {"GET / HTTP/1.0\r\nConnection: upgrade, keep-alive\r\nUpgrade: websocket\r\n", true, false,
         false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n", true, false,
         false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
         "Upgrade: x, H2C\r\n",
         true, true, false},
        {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n", false, false, false},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n", true, false,
         true},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n",
         true, false, true},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n", true, false,
         false},
        {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n", false, false, false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: host, content-length, transfer-encoding\r\n",
         true, false, false},
    };
    for (const auto& row : table) {
        const std::string message = std::string(row.message) + "\r\n";
        RequestHead head;
        const Refusal refusal = parse_request_head(message, {}, head);
        EXPECT_FALSE(refusal) << row.message << refusal.reason;
        EXPECT_EQ(head.keep_alive, row.keep_alive) << row.message;
        EXPECT_EQ(head.upgrade, row.upgrade) << row.message;
        EXPECT_EQ(head.expect_continue, row.expect_continue) << row.message;
    }
}

TEST(HttpRequest, Methods) {
    struct {
        const char* text;
        Method method;
    } const table[] = {
        {"GET", Method::get},     {"HEAD", Method::head},      {"POST", Method::post},
        {"PUT", Method::put},     {"DELETE", Method::delete_}, {"OPTIONS", Method::options},
        {"TRACE", Method::trace}, {"PATCH", Method::patch},    {"get", Method::other},
        {"GETS", Method::other},  {"PROPFIND", Method::other}, {"M-SEARCH", Method::other},
    };
    for (const auto& row : table) {
        const std::string message = std::string(row.text) + " / HTTP/1.1\r\nHost: a\r\n\r\n";
        RequestHead head;
        EXPECT_FALSE(parse_request_head(message, {}, head)) << row.text;
        EXPECT_EQ(head.method, row.method) << row.text;
        EXPECT_EQ(head.method_text, row.text);
    }
}

TEST(HttpRequest, LimitsHoldToTheByte) {
    RequestLimits limits;
    limits.target_bytes = 10;
    limits.header_count = 2;
    limits.header_bytes = 200;
    RequestHead head;
    EXPECT_EQ(judge(target("/" + std::string(9, 'a')), head, limits).status, 0u);
    EXPECT_EQ(judge(target("/" + std::string(10, 'a')), head, limits).status, 414u);
    EXPECT_EQ(judge(with_host("A: b\r\n"), head, limits).status, 0u);
    EXPECT_EQ(judge(with_host("A: b\r\nC: d\r\n"), head, limits).status, 431u);

    const std::size_t room = 200 - with_host("A: \r\n").size();
    EXPECT_EQ(judge(with_host("A: " + std::string(room, 'a') + "\r\n"), head, limits).status, 0u);
    EXPECT_EQ(judge(with_host("A: " + std::string(room + 1, 'a') + "\r\n"), head, limits).status,
              431u);
}

TEST(HttpRequest, EndlessHeadsAreRefusedBeforeTheirEnd) {
    const RequestLimits limits;
    struct {
        std::string start;
        unsigned status;
        std::size_t at_most;
    } const table[] = {
        {"GET /", 414, limits.target_bytes + 100},
        {"", 501, limits.target_bytes + 100},
        {"GET / HTTP/1.1\r\nX: ", 431, limits.header_bytes + 1},
    };
    for (const auto& row : table) {
        const std::string message = row.start + std::string(limits.header_bytes + 1, 'a');
        for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
            std::size_t size = 0;
            HeadScan scan;
            while (!scan.refusal && size < message.size()) {
                const std::size_t from = size;
                size = std::min(size + step, message.size());
                scan = scan_request_head(std::string_view(message).substr(0, size), from, limits);
            }
            EXPECT_EQ(scan.refusal.status, row.status) << row.start;
            EXPECT_LE(size, row.at_most + step) << row.start;
        }
        EXPECT_EQ(scan_request_head(message, 0, limits).refusal.status, row.status) << row.start;
    }
}

TEST(HttpRequest, OnlyEmptyLinesAreNotWaitedOnForEver) {
    std::string message;
    for (int i = 0; i < 4; ++i) {
        message += "\r\n";
        EXPECT_FALSE(scan_request_head(message, message.size() - 2, {}).refusal);
    }
    message += "\r\n";
    EXPECT_EQ(scan_request_head(message, message.size() - 2, {}).refusal.status, 400u);
}

TEST(HttpRequest, TheScanStopsAtTheFirstOfPipelinedRequests) {
    const std::string one = with_host("");
    const HeadScan scan = scan_request_head(one + one, 0, {});
    EXPECT_EQ(scan.length, one.size());
    RequestHead head;
    EXPECT_EQ(parse_request_head(one + one, {}, head).status, 400u);
    EXPECT_EQ(parse_request_head(one.substr(0, one.size() - 2), {}, head).status, 400u);
    EXPECT_EQ(parse_request_head("", {}, head).status, 400u);
}

TEST(HttpMessage, FieldIds) {
    struct {
        const char* name;
        FieldId id;
    } const table[] = {
        {"Accept", FieldId::accept},
        {"Alt-Svc", FieldId::alt_svc},
        {"Connection", FieldId::connection},
        {"Content-Length", FieldId::content_length},
        {"Content-Type", FieldId::content_type},
        {"Date", FieldId::date},
        {"Expect", FieldId::expect},
        {"Forwarded", FieldId::forwarded},
        {"Host", FieldId::host},
        {"HTTP2-Settings", FieldId::http2_settings},
        {"Keep-Alive", FieldId::keep_alive},
        {"Max-Forwards", FieldId::max_forwards},
        {"Proxy-Authenticate", FieldId::proxy_authenticate},
        {"Proxy-Authentication-Info", FieldId::proxy_authentication_info},
        {"Proxy-Authorization", FieldId::proxy_authorization},
        {"Proxy-Connection", FieldId::proxy_connection},
        {"TE", FieldId::te},
        {"Trailer", FieldId::trailer},
        {"Transfer-Encoding", FieldId::transfer_encoding},
        {"Upgrade", FieldId::upgrade},
        {"Via", FieldId::via},
        {"X-Forwarded-For", FieldId::x_forwarded_for},
        {"X-Forwarded-Host", FieldId::x_forwarded_host},
        {"X-Forwarded-Port", FieldId::x_forwarded_port},
        {"X-Real-IP", FieldId::identity},
        {"X-Forwarded-Preferred-Username", FieldId::identity},
        {"X-Forwarded-Proto", FieldId::x_forwarded_proto},
        {"X-Request-Id", FieldId::x_request_id},
    };
    for (const auto& row : table) {
        std::string name = row.name;
        EXPECT_EQ(field_id(name), row.id) << name;
        for (char& c : name) c = static_cast<char>(std::toupper(c));
        EXPECT_EQ(field_id(name), row.id) << name;
        for (char& c : name) c = static_cast<char>(std::tolower(c));
        EXPECT_EQ(field_id(name), row.id) << name;
        for (std::size_t at = 0; at < name.size(); ++at) {
            std::string other = name;
            other[at] = '~';
            EXPECT_EQ(field_id(other), FieldId::other) << other;
        }
        EXPECT_EQ(field_id(name + "x"), FieldId::other);
        EXPECT_EQ(imitated_field(name), FieldId::other);
        std::string imitation = name;
        for (char& c : imitation)
            if (c == '-') c = '_';
        if (imitation == name) continue;
        EXPECT_EQ(imitated_field(imitation), row.id) << imitation;
    }
    EXPECT_EQ(field_id(""), FieldId::other);
}

TEST(HttpMessage, ControlCharactersAreFoundAtEveryPlace) {
    for (std::size_t size = 0; size <= 40; ++size) {
        for (int c = 0; c < 256; ++c) {
            const bool control = (c < 0x20 && c != '\t') || c == 0x7f;
            for (std::size_t at = 0; at < size; ++at) {
                std::vector<char> bytes(size, '~');
                bytes[at] = static_cast<char>(c);
                const char* const end = bytes.data() + size;
                EXPECT_EQ(find_control(bytes.data(), end), control ? bytes.data() + at : end);
                // What stands behind a hit must not hide it.
                std::fill(bytes.begin() + static_cast<long>(at) + 1, bytes.end(), '\0');
                if (control) {
                    EXPECT_EQ(find_control(bytes.data(), end), bytes.data() + at);
                }
                // Nor must any number of tabs before it.
                std::fill(bytes.begin(), bytes.begin() + static_cast<long>(at), '\t');
                if (control) {
                    EXPECT_EQ(find_control(bytes.data(), end), bytes.data() + at);
                }
            }
        }
    }
}

TEST(HttpMessage, Tokens) {
    EXPECT_TRUE(has_token("close", "close"));
    EXPECT_TRUE(has_token("a ,\tCLOSE , b", "close"));
    EXPECT_FALSE(has_token("closed, close d", "close"));
    EXPECT_FALSE(has_token("", "close"));
    EXPECT_TRUE(equal_ignoring_case("aZ-09", "Az-09"));
    EXPECT_FALSE(equal_ignoring_case("@", "`"));
    EXPECT_FALSE(equal_ignoring_case("a", "ab"));
}

TEST(ConnectionAuthentication, IsThatOfTwoSchemes) {
    for (const char* value : {"NTLM", "ntlm TlRM", "Negotiate", "negotiate YII=", "Basic x, NTLM",
                              "Basic realm=\"a\", Negotiate abc", ", NTLM"})
        EXPECT_TRUE(authenticates_connection(value)) << value;
    for (const char* value :
         {"", "Basic NTLM", "Bearer Negotiate", "NTLMv3 x", "Negotiated", "NTL"})
        EXPECT_FALSE(authenticates_connection(value)) << value;
}

}  // namespace
}  // namespace otto::http1
