#include "http/error_reply.h"

#include <set>

#include <gtest/gtest.h>

#include "config/json_tree.h"
#include "http/reply_format.h"
#include "http/request_id.h"
#include "http1/local_head.h"

namespace otto::http {

namespace {

constexpr const char* date = "Mon, 23 Nov 2026 03:00:00 GMT";
constexpr const char* chrome =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;"
    "q=0.8,application/signed-exchange;v=b3;q=0.7";

ErrorReply bad_gateway(std::string_view accept = "") {
    ErrorReply reply;
    reply.status = 502;
    reply.accept = accept;
    return reply;
}

/// As an HTTP/1 client gets it.
std::string text_of(const ErrorReply& reply, bool http10 = false, bool keep_alive = true) {
    const LocalReply made = error_reply(reply);
    std::string text;
    http1::append_local_head(
        text, made.head,
        {.framing = Framing::length, .keep_alive = keep_alive, .client_is_http10 = http10}, date);
    return text + made.body;
}

std::string body_of(const std::string& text) {
    const auto end = text.find("\r\n\r\n");
    return end == std::string::npos ? "no end of the head" : text.substr(end + 4);
}

std::string head_of(const std::string& text) {
    return text.substr(0, text.size() - body_of(text).size());
}

/// The value of the field `name`, or "absent".
std::string field(const std::string& text, const std::string& name) {
    const std::string head = head_of(text);
    const auto begin = head.find("\r\n" + name + ": ");
    if (begin == std::string::npos) return "absent";
    const auto value = begin + name.size() + 4;
    return head.substr(value, head.find("\r\n", value) - value);
}

/// The decoded member of a JSON object, as it is spelt unless a string.
std::string member(const std::string& source, std::string_view name) {
    const auto parsed = parse_json(source);
    const auto* root = std::get_if<Json>(&parsed);
    if (root == nullptr) return "not JSON";
    for (const Json& child : root->children)
        if (child.key == name)
            return child.kind == Json::Kind::string ? child.text
                                                    : std::string(child.spelling(source));
    return "absent";
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST(ErrorReply, PlainTextWhenNothingElseIsAskedFor) {
    ErrorReply reply = bad_gateway();
    reply.request_id = "abc-1";
    EXPECT_EQ(text_of(reply),
              "HTTP/1.1 502 Bad Gateway\r\n"
              "Date: Mon, 23 Nov 2026 03:00:00 GMT\r\n"
              "X-Request-Id: abc-1\r\n"
              "Cache-Control: no-store\r\n"
              "Content-Type: text/plain; charset=utf-8\r\n"
              "Content-Length: 104\r\n\r\n"
              "502 Bad Gateway\n"
              "The application did not send a valid response. Try again in a moment.\n"
              "Request ID: abc-1\n");
}

TEST(ErrorReply, ProblemDocument) {
    ErrorReply reply = bad_gateway("application/json");
    reply.request_id = "abc-1";
    const std::string text = text_of(reply);
    EXPECT_EQ(field(text, "Content-Type"), "application/problem+json");
    EXPECT_EQ(
        body_of(text),
        R"({"type":"about:blank","title":"Bad Gateway","status":502,"detail":"The application )"
        R"(did not send a valid response. Try again in a moment.","request_id":"abc-1"})"
        "\n");
    EXPECT_EQ(member(body_of(text_of(bad_gateway("application/problem+json"))), "request_id"),
              "absent");
}

TEST(ErrorReply, PageIsSelfContained) {
    ErrorReply reply = bad_gateway(chrome);
    reply.request_id = "abc-1";
    const std::string text = text_of(reply);
    EXPECT_EQ(field(text, "Content-Type"), "text/html; charset=utf-8");
    EXPECT_TRUE(field(text, "Content-Security-Policy").starts_with("default-src 'none';"));
    const std::string page = body_of(text);
    EXPECT_TRUE(page.starts_with("<!DOCTYPE html>\n"));
    EXPECT_TRUE(page.ends_with("</html>\n"));
    EXPECT_TRUE(has(page, "<title>502 Bad Gateway</title>"));
    EXPECT_TRUE(has(page, "<code>abc-1</code>"));
    EXPECT_TRUE(has(page, "prefers-color-scheme: dark"));
    for (const char* loads : {"<script", "src=", "href=", "url(", "@import", "http://", "https://"})
        EXPECT_FALSE(has(page, loads)) << loads;
    EXPECT_LT(page.size(), 2048u);
}

TEST(ErrorReply, EveryFormatEscapes) {
    ErrorReply reply = bad_gateway("text/html");
    reply.detail = "<b a=\"x\" b='y'>&\\\x01\n{} ü";
    const std::string page = body_of(text_of(reply));
    EXPECT_TRUE(has(page, "<p>&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;\\\x01\n{} ü</p>"));
    reply.accept = "application/json";
    EXPECT_EQ(member(body_of(text_of(reply)), "detail"), reply.detail);
}

TEST(ErrorReply, AnInvalidRequestIdIsNone) {
    for (const char* accept : {"", "application/json", "text/html"}) {
        ErrorReply reply = bad_gateway(accept);
        const std::string without = text_of(reply);
        for (const char* id : {"a b", "a\r\nSet-Cookie: x", "<b>", "\""}) {
            reply.request_id = id;
            EXPECT_EQ(text_of(reply), without) << id;
        }
    }
}

TEST(ErrorReply, LengthIsThatOfTheBody) {
    for (const char* accept : {"", "application/json", "text/html"}) {
        for (unsigned status = 100; status < 600; ++status) {
            if (!http1::has_length(status)) continue;
            ErrorReply reply = bad_gateway(accept);
            reply.status = status;
            const std::string text = text_of(reply);
            EXPECT_EQ(field(text, "Content-Length"), std::to_string(body_of(text).size()));
            EXPECT_EQ(field(text, "Cache-Control"), status < 400 ? "absent" : "no-store");
            EXPECT_TRUE(has(body_of(text), std::to_string(status)));
            EXPECT_TRUE(has(body_of(text), reason_phrase(status)));
        }
    }
}

TEST(ErrorReply, ConnectionAndFurtherFields) {
    ErrorReply reply = bad_gateway();
    reply.extra_fields = {{"Retry-After", "1"}, {"Allow", "GET"}};
    EXPECT_EQ(field(text_of(reply), "Connection"), "absent");
    EXPECT_EQ(field(text_of(reply), "Retry-After"), "1");
    EXPECT_EQ(field(text_of(reply), "Allow"), "GET");
    EXPECT_EQ(field(text_of(reply, true), "Connection"), "keep-alive");
    EXPECT_EQ(field(text_of(reply, true, false), "Connection"), "close");
}

TEST(ErrorReply, NoContentHasNoBody) {
    ErrorReply reply;
    reply.status = 204;
    reply.accept = "text/html";
    reply.extra_fields = {{"Allow", "GET"}};
    EXPECT_EQ(text_of(reply),
              "HTTP/1.1 204 No Content\r\nDate: Mon, 23 Nov 2026 03:00:00 GMT\r\n"
              "Allow: GET\r\n\r\n");
}

TEST(ReplyFormat, WhatClientsSend) {
    const std::vector<std::pair<const char*, ReplyFormat>> cases{
        {"", ReplyFormat::text},
        {"*/*", ReplyFormat::text},  // curl, fetch()
        {chrome, ReplyFormat::html},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", ReplyFormat::html},
        {"image/avif,image/webp,image/svg+xml,image/*;q=0.8,*/*;q=0.5", ReplyFormat::text},
        {"application/json, text/plain, */*", ReplyFormat::json},               // axios
        {"application/json, text/javascript, */*; q=0.01", ReplyFormat::json},  // jQuery
        {"application/vnd.api+json, */*;q=0.1", ReplyFormat::text},
        {"text/event-stream", ReplyFormat::text},
        {"text/*", ReplyFormat::text},
        {"application/*", ReplyFormat::json},
    };
    for (const auto& each : cases)
        EXPECT_EQ(choose_reply_format(each.first), each.second) << each.first;
}

TEST(ReplyFormat, QualityClosenessAndOrder) {
    const std::vector<std::pair<const char*, ReplyFormat>> cases{
        {"text/html;q=0.5, application/json;q=0.501", ReplyFormat::json},
        {"text/html;q=0.5, application/json;q=0.499", ReplyFormat::html},
        {"text/html, */*", ReplyFormat::html},
        {"*/*, text/html", ReplyFormat::html},
        {"text/html;q=0.9, */*", ReplyFormat::text},
        {"text/html, application/json", ReplyFormat::html},
        {"application/json, text/html", ReplyFormat::json},
        {"text/html, application/problem+json", ReplyFormat::html},
        {"application/json;q=0, application/problem+json, text/html;q=0.5", ReplyFormat::json},
        {"application/problem+json;q=0, application/json, text/html;q=0.5", ReplyFormat::html},
        {"text/plain;q=0, */*", ReplyFormat::json},
        {"text/plain;q=0, text/*", ReplyFormat::html},
        {"text/plain;q=0, text/html;q=0, application/json;q=0", ReplyFormat::text},
        {"*/*;q=0, text/html;q=0.001", ReplyFormat::html},
        {"text/html;q=0.1, text/html;q=0.9, application/json;q=0.5", ReplyFormat::html},
        // RFC 9110 §12.5.1's last example: plain text 0.7, the rest of text/* 0.3, others 0.5.
        {"text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, "
         "*/*;q=0.5",
         ReplyFormat::text},
        {"text/*;q=0.3, text/plain;format=flowed, */*;q=0.5", ReplyFormat::json},
    };
    for (const auto& each : cases)
        EXPECT_EQ(choose_reply_format(each.first), each.second) << each.first;
}

TEST(ReplyFormat, Syntax) {
    const std::vector<std::pair<std::string, ReplyFormat>> cases{
        {" ,, TEXT/HTML ,", ReplyFormat::html},
        {"text/html;Q=1", ReplyFormat::html},
        {"text/html ; q=1.000 ;; ext=\"a,b\"", ReplyFormat::html},
        {"text/html;charset=UTF-8", ReplyFormat::html},
        {"text/html;charset=\"utf-8\"", ReplyFormat::html},
        {"text/html;charset=latin1", ReplyFormat::text},
        {"text/html;level=1", ReplyFormat::text},
        {R"(image/png;a=", text/html, \", ", application/json)", ReplyFormat::json},
        {R"(image/png;a=", application/json)", ReplyFormat::text},
        {"text/html;q", ReplyFormat::text},
        {"text/html;q=", ReplyFormat::text},
        {"text/html;q=2", ReplyFormat::text},
        {"text/html;q=1.001", ReplyFormat::text},
        {"text/html;q=0.1234", ReplyFormat::text},
        {"text/html;q=.5", ReplyFormat::text},
        {"text/html;q=-1", ReplyFormat::text},
        {"text/html;q=1e0", ReplyFormat::text},
        {"text/html;q=0.", ReplyFormat::text},
        {"text/html;q=1.", ReplyFormat::html},
        {"text/html; q = 1", ReplyFormat::text},
        {"text / html", ReplyFormat::text},
        {"*/html", ReplyFormat::text},
        {"*", ReplyFormat::text},
        {"html", ReplyFormat::text},
        {"\"", ReplyFormat::text},
        {"text/html;a=\"\\", ReplyFormat::text},
        {std::string(32'000, ',') + "text/html", ReplyFormat::html},
        {std::string(32'000, ';') + ",text/html", ReplyFormat::html},
    };
    for (const auto& each : cases)
        EXPECT_EQ(choose_reply_format(each.first), each.second) << each.first.substr(0, 60);
}

TEST(RequestId, IsHexAndDiffers) {
    EXPECT_EQ(RequestId(0x0123456789abcdef, 0xfedcba9876543210).text(),
              "0123456789abcdeffedcba9876543210");
    EXPECT_EQ(RequestId(0, 1).text(), "00000000000000000000000000000001");
    RequestIds ids;
    RequestIds others;
    std::set<std::string> seen;
    for (int round = 0; round < 5000; ++round) {
        const RequestId one = ids.next();
        const RequestId other = others.next();
        EXPECT_TRUE(valid_request_id(one.text()));
        seen.emplace(one.text());
        seen.emplace(other.text());
    }
    EXPECT_EQ(seen.size(), 10'000u);
}

TEST(RequestId, EveryBitIsUsed) {
    RequestIds ids(1, 2);
    RequestIds same(1, 2);
    std::array<int, 128> set{};
    constexpr int rounds = 4000;
    for (int round = 0; round < rounds; ++round) {
        const RequestId id = ids.next();
        EXPECT_EQ(id.text(), same.next().text());
        for (std::size_t digit = 0; digit < 32; ++digit) {
            const unsigned value =
                static_cast<unsigned>(std::stoul(std::string(1, id.text()[digit]), nullptr, 16));
            for (std::size_t bit = 0; bit < 4; ++bit)
                if ((value >> bit & 1) != 0) ++set[digit * 4 + bit];
        }
    }
    for (const int count : set) EXPECT_NEAR(count, rounds / 2, rounds / 10);
}

TEST(RequestId, OfClients) {
    for (const char* good : {"a", "0", "550e8400-e29b-41d4-a716-446655440000",
                             "Root=1:67891233-abcdef012345678912345678", "q83v/+7u.~_=="})
        EXPECT_TRUE(valid_request_id(good)) << good;
    EXPECT_TRUE(valid_request_id(std::string(128, 'x')));
    EXPECT_FALSE(valid_request_id(std::string(129, 'x')));
    EXPECT_FALSE(valid_request_id(""));
    const std::string_view allowed =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=:";
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        const bool good = allowed.find(c) != std::string_view::npos;
        EXPECT_EQ(valid_request_id(std::string("a") + c), good) << byte;
    }
}

}  // namespace otto::http
