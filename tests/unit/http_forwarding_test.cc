#include <algorithm>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "http/date.h"
#include "http/forwarded.h"
#include "http/forwarding.h"
#include "http1/append_request.h"
#include "http1/append_response.h"
#include "http1/parse_request.h"
#include "http1/parse_response.h"

namespace otto::http1 {

using namespace http;

namespace {

using std::string_literals::operator""s;

ForwardingContext stranger() {
    ForwardingContext context;
    context.client_ip = "192.0.2.7";
    context.scheme = "http";
    context.server_host = "localhost:5001";
    return context;
}

std::string date_of(long long time) {
    std::string text;
    append_imf_fixdate(text, time);
    return text;
}

ForwardingContext trusted() {
    ForwardingContext context = stranger();
    context.trusted = true;
    return context;
}

/// What `head` (without its empty line) becomes.
std::string forward(const std::string& head, const ForwardingContext& context,
                    bool keep_upgrade = false) {
    const std::string bytes = head + "\r\n";
    RequestHead request;
    const Refusal refusal = parse_request_head(bytes, {}, request);
    if (refusal) return refusal.reason;
    std::string out;
    append_request_head(out, request, context, keep_upgrade);
    return out;
}

/// What every forwarded request of the host "a" says about a client that is a stranger.
const std::string about =
    "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n"
    "X-Forwarded-Port: 80\r\nForwarded: for=192.0.2.7;host=a;proto=http\r\n\r\n";

TEST(HttpForwarding, RequestHeads) {
    const struct {
        const char* why;
        std::string head;
        std::string forwarded;
    } table[] = {
        {"untouched fields keep their form and order",
         "GET /a?b HTTP/1.1\r\nUser-Agent:x \r\nHost: a\r\nX: \t1\r\nX: 2\r\ncookie: z\r\n",
         "GET /a?b HTTP/1.1\r\nUser-Agent:x \r\nHost: a\r\nX: \t1\r\nX: 2\r\ncookie: z\r\n" +
             about},
        {"9112 3.2.2 absolute-form becomes origin-form",
         "GET http://A:80/b?c HTTP/1.1\r\nX: 1\r\nHost: a:80\r\nY: 2\r\n",
         "GET /b?c HTTP/1.1\r\nHost: A:80\r\nX: 1\r\nY: 2\r\nX-Forwarded-For: 192.0.2.7\r\n"
         "X-Forwarded-Proto: http\r\nX-Forwarded-Host: A:80\r\nX-Forwarded-Port: 80\r\n"
         "Forwarded: for=192.0.2.7;host=\"A:80\";proto=http\r\n\r\n"},
        {"9112 3.2.1 an empty path", "GET http://a HTTP/1.1\r\nHost: a\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\n" + about},
        {"9112 3.2.1 a query without a path", "GET http://a?b HTTP/1.1\r\nHost: a\r\n",
         "GET /?b HTTP/1.1\r\nHost: a\r\n" + about},
        {"9112 3.2.4 OPTIONS *", "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n",
         "OPTIONS * HTTP/1.1\r\nHost: a\r\n" + about},
        {"9112 3.2 HTTP/1.0 without Host names the server", "GET /a HTTP/1.0\r\nX: y\r\n",
         "GET /a HTTP/1.1\r\nHost: localhost:5001\r\nX: y\r\nX-Forwarded-For: 192.0.2.7\r\n"
         "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n"
         "Forwarded: for=192.0.2.7;proto=http\r\n\r\n"},
        {"9110 7.6.1 hop-by-hop fields",
         "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Secret , te\r\nA: 1\r\n"
         "Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nTE: gzip\r\nUpgrade: websocket\r\n"
         "HTTP2-Settings: x\r\nProxy-Authorization: x\r\nProxy-Authenticate: x\r\n"
         "Proxy-Authentication-Info: x\r\nX-SECRET: 1\r\nTrailer: x\r\nB: 2\r\nx-secret: 2\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n" + about},
        {"9110 10.1.4 trailers are welcome here, too",
         "GET / HTTP/1.1\r\nHost: a\r\nConnection: te\r\nTE: gzip;q=0, trailers\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\n" + about.substr(0, about.size() - 2) +
             "TE: trailers\r\nConnection: te\r\n\r\n"},
        {"9110 7.6.2 Max-Forwards is counted down",
         "OPTIONS /a HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n",
         "OPTIONS /a HTTP/1.1\r\nHost: a\r\n" + about.substr(0, about.size() - 2) +
             "Max-Forwards: 9\r\n\r\n"},
        {"9110 7.6.2 and means nothing to other methods",
         "GET /a HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n",
         "GET /a HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n" + about},
        {"9110 7.6.1 Connection does not take away what Otto acts on",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: host, content-length, "
         "x-request-id, content-type, x-forwarded-for, forwarded\r\nContent-Type: b\r\n"
         "X-Request-Id: c\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: b\r\nX-Request-Id: c\r\n"
         "Content-Length: 3\r\n" +
             about},
        {"9110 8.6 a length, written anew",
         "POST / HTTP/1.1\r\nHost: a\r\ncontent-length:\t 3 \r\nX: y\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 3\r\n" + about},
        {"9110 8.6 length 0 is kept", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" + about},
        {"9112 7.1 chunked, written anew, with Trailer",
         "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\nTrailer: X\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n" + about},
        {"9110 10.1.1 Expect is kept with a body",
         "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n" + about},
        {"9110 10.1.1 not without", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\n" + about},
        {"9110 10.1.1 nor for HTTP/1.0",
         "POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n" + about},
        {"a stranger's forwarding fields are replaced",
         "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\n"
         "X-Forwarded-Host: b\r\nForwarded: for=1.1.1.1\r\nA: b\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n" + about},
    };
    for (const auto& row : table)
        EXPECT_EQ(forward(row.head, stranger()), row.forwarded) << row.why;
}

TEST(HttpForwarding, HeadsOfEverySizeComeThroughWhole) {
    for (std::size_t size = 0; size < 3000; size += 1 + size / 97) {
        const std::string path = "/" + std::string(size, 'p');
        const std::string cookie = "Cookie: " + std::string(3000 - size, 'c') + "\r\n";
        EXPECT_EQ(forward("GET " + path + " HTTP/1.1\r\n" + cookie + "Host: a\r\nTE: x\r\nA: b\r\n",
                          stranger()),
                  "GET " + path + " HTTP/1.1\r\n" + cookie + "Host: a\r\nA: b\r\n" + about);
    }
}

TEST(HttpForwarding, OfAnUpgradeH2cIsLeftOut) {
    const std::string before = "GET / HTTP/1.1\r\nHost: a\r\n";
    const auto upgraded = [&](const std::string& fields) {
        const std::string message = before + "Connection: upgrade\r\n" + fields + "\r\n";
        RequestHead head;
        EXPECT_FALSE(parse_request_head(message, {}, head));
        std::string out;
        append_request_head(out, head, stranger(), head.upgrade);
        const auto begin = out.find("Upgrade: ");
        return begin == std::string::npos ? "" : out.substr(begin, out.find('\r', begin) - begin);
    };
    EXPECT_EQ(upgraded("Upgrade: websocket, h2c\r\n"), "Upgrade: websocket");
    EXPECT_EQ(upgraded("Upgrade: H2C\r\nUpgrade: , a/1,b\r\n"), "Upgrade: a/1, b");
    EXPECT_EQ(upgraded("Upgrade: h2c\r\n"), "");
    EXPECT_EQ(upgraded("Upgrade: websocket\r\n"), "Upgrade: websocket");
}

TEST(HttpForwarding, ATrustedProxyIsBelievedAndExtended) {
    EXPECT_EQ(forward("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\r\n"
                      "X-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\nX-Forwarded-For:\r\n"
                      "X-Forwarded-For: 3.3.3.3\r\nForwarded: for=1.1.1.1\r\nForwarded: for=_x\r\n",
                      trusted()),
              "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\n"
              "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7\r\nX-Forwarded-Port: 443\r\n"
              "Forwarded: for=1.1.1.1;host=b;proto=https, for=2.2.2.2, for=3.3.3.3, "
              "for=192.0.2.7;host=a;proto=http\r\n\r\n");
    EXPECT_EQ(forward("GET / HTTP/1.1\r\nHost: a\r\n", trusted()),
              "GET / HTTP/1.1\r\nHost: a\r\n" + about);
}

/// The fields about the client of a request that a trusted proxy sent with `fields`, in the order
/// For, Proto, Host, Port, Forwarded, where each is there once.
std::vector<std::string> about_client(const std::string& fields, bool is_trusted = true) {
    const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
    RequestHead request;
    EXPECT_FALSE(parse_request_head(bytes, {}, request)) << fields;
    ForwardingContext context = is_trusted ? trusted() : stranger();
    const TrustPredicate trust = [](const Address& address) {
        return address.ip() == "192.0.2.7" || address.ip().starts_with("10.");
    };
    const Origin origin =
        origin_of(*Address::from_ip("192.0.2.7", 1), context.scheme, request, trust);
    if (is_trusted) {
        context.client_scheme = origin.scheme;
        context.client_host = origin.host;
    }
    std::string out;
    append_request_head(out, request, context, false);
    RequestHead again;
    EXPECT_FALSE(parse_request_head(out, {}, again)) << out;
    std::vector<std::string> values;
    for (const FieldId id :
         {FieldId::x_forwarded_for, FieldId::x_forwarded_proto, FieldId::x_forwarded_host,
          FieldId::x_forwarded_port, FieldId::forwarded}) {
        const auto is = [id](const Field& field) { return field.id == id; };
        EXPECT_EQ(std::count_if(again.fields.begin(), again.fields.end(), is), 1) << out;
        const Field* field = again.find(id);
        values.emplace_back(field == nullptr ? "" : field->value);
    }
    return values;
}

TEST(HttpForwarding, TheFieldsAboutTheClientDoNotContradictEachOther) {
    using Values = std::vector<std::string>;
    const std::string own = "for=192.0.2.7;host=a;proto=http";
    EXPECT_EQ(about_client("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
                           "X-Forwarded-Host: shop.example\r\n"),
              (Values{"203.0.113.9, 192.0.2.7", "https", "shop.example", "443",
                      "for=203.0.113.9;host=shop.example;proto=https, " + own}));
    EXPECT_EQ(about_client("Forwarded: for=203.0.113.9;proto=https;host=shop.example\r\n"),
              (Values{"203.0.113.9, 192.0.2.7", "https", "shop.example", "443",
                      "for=203.0.113.9;proto=https;host=shop.example, " + own}));
    EXPECT_EQ(
        about_client("Forwarded: For=\"[2001:db8::1]:4711\" ; Host=\"b:81\", for=10.0.0.1\r\n"),
        (Values{"2001:db8::1, 10.0.0.1, 192.0.2.7", "http", "b:81", "81",
                "For=\"[2001:db8::1]:4711\" ; Host=\"b:81\", for=10.0.0.1, " + own}));
    // Of both, X-Forwarded-* count: the other may be the client's own.
    EXPECT_EQ(
        about_client("X-Forwarded-For: 1.1.1.1\r\nForwarded: for=6.6.6.6;proto=https\r\n"),
        (Values{"1.1.1.1, 192.0.2.7", "http", "a", "80", "for=1.1.1.1;host=a;proto=http, " + own}));
    // One of them alone is about the request of the proxy.
    EXPECT_EQ(about_client("X-Forwarded-Proto: https\r\nForwarded: for=6.6.6.6\r\n"),
              (Values{"192.0.2.7", "https", "a", "443", "for=192.0.2.7;host=a;proto=https"}));
    EXPECT_EQ(about_client("X-Forwarded-Port: 8443\r\n"),
              (Values{"192.0.2.7", "http", "a", "8443", own}));
    EXPECT_EQ(about_client("X-Forwarded-For: unknown, 1.1.1.1:99,[::1]:2\r\n"),
              (Values{"unknown, 1.1.1.1:99,[::1]:2, 192.0.2.7", "http", "a", "80",
                      "for=unknown;host=a;proto=http, for=1.1.1.1, for=\"[::1]\", " + own}));
    EXPECT_EQ(about_client("Forwarded: for=unknown, for=_x;by=_y\r\n"),
              (Values{"unknown, unknown, 192.0.2.7", "http", "a", "80",
                      "for=unknown, for=_x;by=_y, " + own}));
    // What is malformed, or a stranger's, says nothing.
    for (const char* bad : {"Forwarded: for=\"1.1.1.1\r\n", "Forwarded: for\r\n",
                            "Forwarded: for=1.1.1.1 proto=https\r\n", "Forwarded: =x\r\n",
                            "Forwarded: for=1.1.1.1;;proto=\"a\\\"\"\r\n"})
        EXPECT_EQ(about_client(bad), (Values{"192.0.2.7", "http", "a", "80", own})) << bad;
    for (const char* fields :
         {"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\n",
          "Forwarded: for=6.6.6.6;host=evil\r\n"})
        EXPECT_EQ(about_client(fields, false), (Values{"192.0.2.7", "http", "a", "80", own}));
}

TEST(HttpForwarding, WhoTheClientIsComesFromEither) {
    const auto from = [](const std::string& fields) {
        const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
        RequestHead request;
        EXPECT_FALSE(parse_request_head(bytes, {}, request)) << fields;
        const Origin origin =
            origin_of(*Address::from_ip("10.0.0.9", 1), "http", request,
                      [](const Address& address) { return address.ip().starts_with("10."); });
        return origin.address.ip() + " " + std::string(origin.scheme) + " " +
               std::string(origin.host);
    };
    EXPECT_EQ(from(""), "10.0.0.9 http a");
    EXPECT_EQ(
        from("X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.1\r\nX-Forwarded-Proto: https\r\n"),
        "203.0.113.9 https a");
    EXPECT_EQ(from("Forwarded: for=6.6.6.6;host=evil, for=203.0.113.9;proto=https;host=b\r\n"
                   "Forwarded: for=10.0.0.1;proto=http\r\n"),
              "203.0.113.9 https b");
    EXPECT_EQ(from("Forwarded: for=_hidden;host=evil, for=10.0.0.1;host=b\r\n"), "10.0.0.1 http b");
    EXPECT_EQ(from("X-Forwarded-Proto: gopher\r\nX-Forwarded-Host: a/b\r\n"), "10.0.0.9 http a");
    std::string many = "Forwarded: for=203.0.113.9";
    for (unsigned i = 0; i < max_believed_proxies; ++i) many += ", for=10.0.0.1";
    EXPECT_EQ(from(many + "\r\n"), "10.0.0.1 http a");
}

TEST(HttpForwarding, IdentitiesThatStrangersClaimAreRemoved) {
    for (const char* name :
         {"X-Real-IP", "x-forwarded-ssl", "X-Forwarded-Prefix", "True-Client-IP",
          "CF-Connecting-IP", "Remote-User", "X_Real_IP", "X-Forwarded-Preferred-Username"}) {
        const std::string field = std::string(name) + ": 6.6.6.6\r\n";
        const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
        EXPECT_EQ(forward(head + field, stranger()), head + about) << name;
        EXPECT_EQ(forward(head + field, trusted()), head + field + about) << name;
        EXPECT_EQ(forward(head + "Connection: " + name + "\r\n" + field, trusted()),
                  head + field + about)
            << name;
    }
}

TEST(HttpForwarding, TrailerGoesOnlyWithTrailers) {
    const std::string head =
        "POST / HTTP/1.1\r\nHost: a\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n";
    ForwardingContext context = stranger();
    EXPECT_NE(forward(head, context).find("Trailer: X"), std::string::npos);
    context.drop_trailers = true;
    EXPECT_EQ(forward(head, context).find("Trailer"), std::string::npos);
}

TEST(HttpForwarding, ForwardedIsQuotedAsRfc7239Says) {
    ForwardingContext context = stranger();
    context.client_ip = "2001:db8::1";
    context.scheme = "https";
    EXPECT_EQ(forward("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n", context),
              "GET / HTTP/1.1\r\nHost: [::1]:8080\r\nX-Forwarded-For: 2001:db8::1\r\n"
              "X-Forwarded-Proto: https\r\nX-Forwarded-Host: [::1]:8080\r\n"
              "X-Forwarded-Port: 8080\r\n"
              "Forwarded: for=\"[2001:db8::1]\";host=\"[::1]:8080\";proto=https\r\n\r\n");
    context.client_ip = "unix";
    EXPECT_EQ(forward("GET / HTTP/1.1\r\nHost: a\r\n", context),
              "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: unix\r\nX-Forwarded-Proto: https\r\n"
              "X-Forwarded-Host: a\r\nX-Forwarded-Port: 443\r\n"
              "Forwarded: for=_unix;host=a;proto=https\r\n\r\n");
}

TEST(HttpForwarding, BasePathRequestIdAndUpgrade) {
    ForwardingContext context = stranger();
    context.base_path = "/app";
    context.request_id = "id7";
    const std::string with_id = about.substr(0, about.size() - 2) + "X-Request-Id: id7\r\n\r\n";
    EXPECT_EQ(forward("GET /a HTTP/1.1\r\nHost: a\r\n", context),
              "GET /app/a HTTP/1.1\r\nHost: a\r\n" + with_id);
    EXPECT_EQ(forward("GET http://a?b HTTP/1.1\r\nHost: a\r\n", context),
              "GET /app/?b HTTP/1.1\r\nHost: a\r\n" + with_id);
    EXPECT_EQ(forward("OPTIONS * HTTP/1.1\r\nHost: a\r\n", context),
              "OPTIONS * HTTP/1.1\r\nHost: a\r\n" + with_id);
    EXPECT_EQ(forward("GET /a HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n", context),
              "GET /app/a HTTP/1.1\r\nHost: a\r\n" + with_id);
    EXPECT_EQ(forward("GET /a HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n", stranger()),
              "GET /a HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n" + about);

    const std::string upgrade =
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n";
    EXPECT_EQ(forward(upgrade, stranger(), true),
              "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n" +
                  about.substr(0, about.size() - 2) + "Connection: upgrade\r\n\r\n");
    EXPECT_EQ(forward(upgrade, stranger(), false), "GET / HTTP/1.1\r\nHost: a\r\n" + about);
}

TEST(HttpForwarding, ViaNamesTheVersionThatWasReceived) {
    ForwardingContext context = stranger();
    context.via = true;
    const std::string start = about.substr(0, about.size() - 2);
    EXPECT_EQ(forward("GET / HTTP/1.1\r\nVia: 1.1 b\r\nHost: a\r\n", context),
              "GET / HTTP/1.1\r\nVia: 1.1 b\r\nHost: a\r\n" + start + "Via: 1.1 otto\r\n\r\n");
    EXPECT_EQ(forward("GET / HTTP/1.0\r\nHost: a\r\n", context),
              "GET / HTTP/1.1\r\nHost: a\r\n" + start + "Via: 1.0 otto\r\n\r\n");
}

TEST(HttpForwarding, MaxForwardsIsANumber) {
    RequestHead request;
    const auto of = [&request](const std::string& value) {
        const std::string bytes =
            "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: " + value + "\r\n\r\n";
        request.clear();
        EXPECT_FALSE(parse_request_head(bytes, {}, request));
        return max_forwards(request);
    };
    EXPECT_EQ(of("0"), 0u);
    EXPECT_EQ(of("17"), 17u);
    EXPECT_EQ(of("-1"), std::nullopt);
    EXPECT_EQ(of("1, 2"), std::nullopt);
    EXPECT_EQ(of("99999999999999999999999"), std::nullopt);
    EXPECT_EQ(of(""), std::nullopt);
}

constexpr std::string_view date = "Sun, 06 Nov 1994 08:49:37 GMT";

std::string reply(const std::string& head, const ReplyFraming& framing,
                  Method method = Method::get) {
    const std::string bytes = head + "\r\n";
    ResponseHead response;
    const ResponseParse parse = parse_response_head(bytes, method, response);
    if (parse.state != ParseState::complete) return parse.reason;
    std::string out;
    append_response_head(out, response, framing, date);
    return out;
}

ReplyFraming framed(Framing framing, bool keep_alive = true, bool client_is_http10 = false) {
    return {framing, keep_alive, client_is_http10};
}

TEST(HttpForwarding, ResponseHeads) {
    const struct {
        const char* why;
        std::string head;
        ReplyFraming framing;
        std::string out;
    } table[] = {
        {"untouched fields keep their form and order",
         "HTTP/1.1 200 All right\r\nA:b \r\nDate: x\r\nContent-Length: 3\r\nSet-Cookie: c\r\n",
         framed(Framing::length),
         "HTTP/1.1 200 All right\r\nA:b \r\nDate: x\r\nSet-Cookie: c\r\nContent-Length: 3\r\n\r\n"},
        {"9110 6.6.1 Date is added", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n",
         framed(Framing::length),
         "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"},
        {"9110 7.6.1 hop-by-hop fields",
         "HTTP/1.1 200 OK\r\nDate: x\r\nConnection: close, B, date\r\nKeep-Alive: x\r\nA: 1\r\n"
         "Upgrade: h2\r\nProxy-Authenticate: x\r\nb: 1\r\nTrailer: x\r\nContent-Length: 3\r\n",
         framed(Framing::length),
         "HTTP/1.1 200 OK\r\nDate: x\r\nA: 1\r\nContent-Length: 3\r\n\r\n"},
        {"9112 9.3 close", "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 3\r\n",
         framed(Framing::length, false),
         "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"},
        {"9112 9.3 keep-alive of HTTP/1.0", "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 3\r\n",
         framed(Framing::length, true, true),
         "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n"},
        {"9112 7.1 chunked",
         "HTTP/1.1 200 OK\r\nDate: x\r\ntransfer-encoding: CHUNKED\r\nTrailer: X\r\n",
         framed(Framing::chunked),
         "HTTP/1.1 200 OK\r\nDate: x\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"9112 6.1 chunked for HTTP/1.0",
         "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n",
         framed(Framing::chunked, true, true),
         "HTTP/1.1 200 OK\r\nDate: x\r\nConnection: close\r\n\r\n"},
        {"9112 6.3 until close becomes chunked", "HTTP/1.0 200 OK\r\nDate: x\r\n",
         framed(Framing::chunked),
         "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"9112 6.3 until close", "HTTP/1.0 200 OK\r\nDate: x\r\n", framed(Framing::until_close),
         "HTTP/1.1 200 OK\r\nDate: x\r\nConnection: close\r\n\r\n"},
        {"9110 15.4.5 a 304 keeps its length",
         "HTTP/1.1 304 Not Modified\r\nDate: x\r\nContent-Length: 9\r\n", framed(Framing::none),
         "HTTP/1.1 304 Not Modified\r\nDate: x\r\nContent-Length: 9\r\n\r\n"},
        {"9110 15.4.5 and gets none", "HTTP/1.1 304 Not Modified\r\nDate: x\r\n",
         framed(Framing::none), "HTTP/1.1 304 Not Modified\r\nDate: x\r\n\r\n"},
        {"9110 8.6 a 204 has no length",
         "HTTP/1.1 204 No Content\r\nDate: x\r\nContent-Length: 0\r\n", framed(Framing::none),
         "HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n"},
        {"9110 8.6 a 204 has no coding",
         "HTTP/1.1 204 No Content\r\nDate: x\r\nTransfer-Encoding: chunked\r\n",
         framed(Framing::none, false),
         "HTTP/1.1 204 No Content\r\nDate: x\r\nConnection: close\r\n\r\n"},
        {"9112 4 the space before an empty reason",
         "HTTP/1.1 200\r\nDate: x\r\nContent-Length: 0\r\n", framed(Framing::length),
         "HTTP/1.1 200 \r\nDate: x\r\nContent-Length: 0\r\n\r\n"},
        {"9112 4 an empty reason", "HTTP/1.1 200 \r\nDate: x\r\nContent-Length: 0\r\n",
         framed(Framing::length), "HTTP/1.1 200 \r\nDate: x\r\nContent-Length: 0\r\n\r\n"},
        {"9112 4 an empty reason of HTTP/1.0", "HTTP/1.0 200\r\nDate: x\r\nContent-Length: 0\r\n",
         framed(Framing::length), "HTTP/1.1 200 \r\nDate: x\r\nContent-Length: 0\r\n\r\n"},
        {"9112 2.3 a later version is ours", "HTTP/1.9 200 OK\r\nDate: x\r\nContent-Length: 0\r\n",
         framed(Framing::length), "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 0\r\n\r\n"},
        {"9110 7.8 a switch of protocols",
         "HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: y\r\nDate: x\r\n",
         framed(Framing::none, false),
         "HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nX: y\r\nDate: x\r\n"
         "Connection: upgrade\r\n\r\n"},
        {"9110 15.5.22 an upgrade required",
         "HTTP/1.1 426 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nDate: x\r\n"
         "Content-Length: 0\r\n",
         framed(Framing::length, false),
         "HTTP/1.1 426 X\r\nUpgrade: websocket\r\nDate: x\r\nContent-Length: 0\r\n"
         "Connection: close, upgrade\r\n\r\n"},
    };
    for (const auto& row : table) EXPECT_EQ(reply(row.head, row.framing), row.out) << row.why;
    EXPECT_EQ(reply("HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 9\r\n", framed(Framing::none),
                    Method::head),
              "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 9\r\n\r\n");
    EXPECT_EQ(reply("HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n",
                    framed(Framing::none), Method::head),
              "HTTP/1.1 200 OK\r\nDate: x\r\n\r\n");
}

TEST(HttpForwarding, InterimHeads) {
    const std::string bytes =
        "HTTP/1.0 103\r\nLink: </a>\r\nConnection: x\r\nX: y\r\nKeep-Alive: z\r\n"
        "Content-Length: 0\r\n\r\n";
    ResponseHead response;
    ASSERT_EQ(parse_response_head(bytes, Method::get, response).state, ParseState::complete);
    std::string out = "before ";
    append_interim_head(out, response);
    EXPECT_EQ(out, "before HTTP/1.1 103 \r\nLink: </a>\r\n\r\n");
}

TEST(HttpForwarding, BelievedClient) {
    const auto ip = [](std::string_view text) { return *Address::from_ip(text, 0); };
    const std::vector<Cidr> ranges = {*Cidr::parse("10.0.0.0/8"), *Cidr::parse("fd00::/8")};
    const TrustPredicate is_trusted = [&ranges](const Address& address) {
        return std::any_of(ranges.begin(), ranges.end(),
                           [&address](const Cidr& range) { return range.contains(address); });
    };
    const struct {
        const char* peer;
        const char* list;
        const char* client;
    } table[] = {
        {"192.0.2.1", "198.51.100.1", "192.0.2.1"},
        {"10.0.0.1", "", "10.0.0.1"},
        {"10.0.0.1", "198.51.100.1", "198.51.100.1"},
        {"10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"},
        {"10.0.0.1", "1.1.1.1,198.51.100.1 ,\t10.0.0.2, fd00::1", "198.51.100.1"},
        {"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
        {"10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"},
        {"10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"},
        {"10.0.0.1", "198.51.100.1, , 10.0.0.2,", "198.51.100.1"},
        {"10.0.0.1", "198.51.100.1:4711", "198.51.100.1"},
        {"10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"},
        {"10.0.0.1", "2001:db8::1", "2001:db8::1"},
        {"fd00::2", "[2001:db8::1]", "2001:db8::1"},
        {"10.0.0.1", "::ffff:10.0.0.2", "10.0.0.2"},
    };
    for (const auto& row : table)
        EXPECT_EQ(believed_client(ip(row.peer), std::string_view(row.list), is_trusted).ip(),
                  ip(row.client).ip())
            << row.peer << " | " << row.list;
    EXPECT_EQ(believed_client(ip("10.0.0.1"), std::string(100'000, '1'), is_trusted).ip(),
              "10.0.0.1");

    const std::string bytes =
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1, 198.51.100.1\r\n"
        "X-Forwarded-For: 10.0.0.3\r\nX-Forwarded-For: 10.0.0.2\r\n\r\n";
    RequestHead request;
    ASSERT_FALSE(parse_request_head(bytes, {}, request));
    EXPECT_EQ(believed_client(ip("10.0.0.1"), request, is_trusted).ip(), "198.51.100.1");
    EXPECT_EQ(believed_client(ip("192.0.2.1"), request, is_trusted).ip(), "192.0.2.1");
}

TEST(HttpForwarding, Dates) {
    EXPECT_EQ(date_of(784111777), date);
    EXPECT_EQ(date_of(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(date_of(951827696), "Tue, 29 Feb 2000 12:34:56 GMT");
    EXPECT_EQ(date_of(4102444799), "Thu, 31 Dec 2099 23:59:59 GMT");
    EXPECT_EQ(date_of(-1), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(date_of(1LL << 60), "Fri, 31 Dec 9999 23:59:59 GMT");
}

/// Inserts, replaces, removes and repeats bytes and lines.
std::string mutate(std::string text, std::mt19937& random) {
    static const std::string alphabet = "\r\n \t:;,=/?#@*[]%_-\"09azAZ\0\x7f\x80\xff"s;
    static const char* const lines[] = {"Content-Length: 5\r\n",
                                        "Transfer-Encoding: chunked\r\n",
                                        "Host: b\r\n",
                                        "Connection: x, host\r\n",
                                        "Content_Length: 1\r\n",
                                        "Transfer-Encoding : gzip\r\n",
                                        " chunked\r\n",
                                        "Upgrade: h2c\r\n",
                                        "X: \r\n",
                                        "Expect: 100-continue\r\n",
                                        "\r\n",
                                        "Forwarded: for=\"\r\n"};
    for (auto edits = 1 + random() % 3; edits > 0; --edits) {
        const std::size_t at = random() % text.size();
        const char byte = alphabet[random() % alphabet.size()];
        switch (random() % 5) {
            case 0:
                text[at] = byte;
                break;
            case 1:
                text.insert(at, 1, byte);
                break;
            case 2:
                text.erase(at, 1);
                break;
            case 3:
                text.insert(text.find('\n', at) + 1, lines[random() % std::size(lines)]);
                break;
            case 4:
                text.insert(at, text, random() % text.size(), random() % 30);
                break;
        }
        if (text.empty()) text = "\r\n";
    }
    return text;
}

std::size_t count(const std::vector<Field>& fields, FieldId id) {
    return static_cast<std::size_t>(std::count_if(
        fields.begin(), fields.end(), [id](const Field& field) { return field.id == id; }));
}

TEST(HttpForwarding, WhateverIsAcceptedIsForwardedAsItWasUnderstood) {
    std::mt19937 random(20261123);
    const std::string seeds[] = {
        "GET /a?b HTTP/1.1\r\nHost: a:80\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n",
        "POST http://a/b HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nX: y\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive, z\r\nZ: 1\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:1\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"};
    unsigned accepted = 0;
    for (int round = 0; round < 20'000; ++round) {
        const std::string bytes = mutate(seeds[random() % std::size(seeds)], random);
        RequestHead head;
        const HeadScan scan = scan_request_head(bytes, 0, {});
        // Whatever the parser makes of bytes that are no head, it must survive them.
        if (scan.refusal || scan.length == 0) {
            EXPECT_TRUE(parse_request_head(bytes, {}, head)) << testing::PrintToString(bytes);
            continue;
        }
        const std::string one = bytes.substr(scan.skip, scan.length);
        if (parse_request_head(one, {}, head) || head.method == Method::connect) continue;
        ++accepted;

        ForwardingContext context = random() % 2 == 0 ? stranger() : trusted();
        context.request_id = "id";
        std::string out;
        append_request_head(out, head, context, head.upgrade);
        RequestHead again;
        const Refusal refusal = parse_request_head(out, {}, again);
        ASSERT_FALSE(refusal) << refusal.reason << "\n" << testing::PrintToString(out);
        EXPECT_EQ(again.method_text, head.method_text);
        EXPECT_EQ(again.path,
                  head.path.starts_with('?') ? "/" + std::string(head.path) : head.path);
        EXPECT_EQ(again.authority, head.authority.empty() ? context.server_host : head.authority);
        EXPECT_EQ(again.framing, head.framing);
        EXPECT_EQ(again.content_length, head.content_length);
        EXPECT_EQ(again.expect_continue, head.expect_continue);
        EXPECT_EQ(again.upgrade, head.upgrade);
        EXPECT_TRUE(again.keep_alive);
        EXPECT_EQ(again.version_minor, 1u);
        EXPECT_EQ(count(again.fields, FieldId::host), 1u);
        EXPECT_EQ(count(again.fields, FieldId::x_forwarded_for), 1u);
        EXPECT_EQ(count(again.fields, FieldId::forwarded), 1u);
        EXPECT_GE(count(again.fields, FieldId::x_request_id), 1u);
        EXPECT_EQ(count(again.fields, FieldId::content_length),
                  head.framing == Framing::length ? 1u : 0u);
        EXPECT_EQ(count(again.fields, FieldId::transfer_encoding),
                  head.framing == Framing::chunked ? 1u : 0u);
        EXPECT_EQ(count(again.fields, FieldId::connection), head.upgrade ? 1u : 0u);
        EXPECT_LE(count(again.fields, FieldId::other), count(head.fields, FieldId::other));
        if (HasFailure()) FAIL() << testing::PrintToString(bytes);
    }
    EXPECT_GT(accepted, 2'000u);
}

TEST(HttpForwarding, WhateverIsAcceptedFromAServerIsRelayedAsItWasUnderstood) {
    std::mt19937 random(1123);
    const std::string seeds[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nServer: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\nDate: x\r\n\r\n",
        "HTTP/1.0 200\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 304 X\r\nContent-Length: 7\r\n\r\n"};
    unsigned accepted = 0;
    for (int round = 0; round < 20'000; ++round) {
        const std::string bytes = mutate(seeds[random() % std::size(seeds)], random);
        const Method method = random() % 4 == 0 ? Method::head : Method::get;
        ResponseHead head;
        const auto parse = parse_response_head(bytes, method, head);
        if (parse.state != ParseState::complete) continue;
        ++accepted;
        std::string out;
        append_response_head(out, head, {head.framing, head.keep_alive, false}, date);
        ResponseHead again;
        const auto second = parse_response_head(out, method, again);
        ASSERT_EQ(second.state, ParseState::complete) << second.reason << "\n"
                                                      << testing::PrintToString(out);
        EXPECT_EQ(second.length, out.size());
        EXPECT_EQ(again.status, head.status);
        EXPECT_EQ(again.framing, head.framing);
        EXPECT_EQ(again.keep_alive, head.keep_alive);
        EXPECT_GE(count(again.fields, FieldId::date), 1u);
        if (head.framing == Framing::length) {
            EXPECT_EQ(again.content_length, head.content_length);
        }
        if (HasFailure()) FAIL() << testing::PrintToString(bytes);
    }
    EXPECT_GT(accepted, 2'000u);
}

}  // namespace
}  // namespace otto::http1
