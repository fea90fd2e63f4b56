#include "http/error_reply.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "http/reply_format.h"
#include "http/request_id.h"

namespace otto::http {

namespace {

/// What Otto says with a status: to the reader, who may be anybody, and so nothing about servers.
struct StatusText {
    unsigned status;
    std::string_view reason;
    std::string_view detail;
};

constexpr std::array status_texts{
    StatusText{204, "No Content", ""},
    StatusText{400, "Bad Request",
               "The request is malformed and was not forwarded. Try another browser or client."},
    StatusText{405, "Method Not Allowed", "This method is not allowed here."},
    StatusText{408, "Request Timeout",
               "The request took too long to arrive. Check the connection and try again."},
    StatusText{413, "Content Too Large",
               "The request is larger than allowed. Send less data at a time."},
    StatusText{414, "URI Too Long",
               "The address is too long. Shorten it, or send the data in the request body."},
    StatusText{
        417, "Expectation Failed",
        "The request has an expectation that cannot be met. Send it without the Expect field."},
    StatusText{421, "Misdirected Request",
               "The address does not belong to this connection. Check whether it starts with "
               "http:// or https://."},
    StatusText{429, "Too Many Requests",
               "Too many requests arrived in a short time. Wait a moment, then try again."},
    StatusText{431, "Request Header Fields Too Large",
               "The request header is too large. Clearing the cookies of this site often helps."},
    StatusText{
        500, "Internal Server Error",
        "Something went wrong here. Try again in a moment, and report the problem if it persists."},
    StatusText{501, "Not Implemented", "The request asks for something that is not supported."},
    StatusText{502, "Bad Gateway",
               "The application did not send a valid response. Try again in a moment."},
    StatusText{503, "Service Unavailable",
               "The application is not available at the moment. Try again soon."},
    StatusText{504, "Gateway Timeout",
               "The application did not respond in time. Try again in a moment."},
    StatusText{505, "HTTP Version Not Supported",
               "The HTTP version of the request is not supported. Use HTTP/1.1."},
};

/// Statuses of the admin API, whose replies are written elsewhere.
constexpr std::array<std::pair<unsigned, std::string_view>, 10> plain_reasons{{
    {200, "OK"},
    {201, "Created"},
    {304, "Not Modified"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {409, "Conflict"},
    {412, "Precondition Failed"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
}};

constexpr std::string_view page = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>{0} {1}</title>
<style>
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center;
  font: 1rem/1.5 system-ui, sans-serif; background: #f6f7f9; color: #1c2330; }}
main {{ max-width: 32rem; padding: 2rem; }}
h1 {{ margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; }}
h1 span {{ display: block; font-size: 4rem; line-height: 1.1; color: #3359b8; }}
p {{ margin: 0 0 1rem; }}
.id {{ font-size: .875rem; color: #586070; overflow-wrap: anywhere; }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #14171d; color: #e6e9ef; }}
  h1 span {{ color: #8fb0ff; }}
  .id {{ color: #a0a8b6; }}
}}
</style>
</head>
<body>
<main>
<h1><span>{0}</span> {1}</h1>
<p>{2}</p>
{3}</main>
</body>
</html>
)";

/// Nothing that a page may load or run; its own style sheet only.
constexpr std::string_view page_policy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const StatusText* find_text(unsigned status) {
    const auto* found =
        std::find_if(status_texts.begin(), status_texts.end(),
                     [status](const StatusText& text) { return text.status == status; });
    return found == status_texts.end() ? nullptr : found;
}

std::string escape_html(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

/// `text` as a JSON string (RFC 8259 §7).
std::string json_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
            out += c;
        }
    }
    return out += '"';
}

/// What a body says, whatever its format.
struct Message {
    unsigned status;
    std::string_view reason;
    std::string_view detail;
    std::string_view id;  // "": none
};

std::string text_body(const Message& message) {
    std::string body = fmt::format("{} {}\n{}\n", message.status, message.reason, message.detail);
    if (!message.id.empty()) body += fmt::format("Request ID: {}\n", message.id);
    return body;
}

std::string json_body(const Message& message) {
    std::string body =
        fmt::format(R"({{"type":"about:blank","title":{},"status":{},"detail":{})",
                    json_string(message.reason), message.status, json_string(message.detail));
    if (!message.id.empty()) body += fmt::format(R"(,"request_id":{})", json_string(message.id));
    return body += "}\n";
}

std::string html_body(const Message& message) {
    std::string id;
    if (!message.id.empty())
        id = fmt::format("<p class=\"id\">Request ID: <code>{}</code></p>\n",
                         escape_html(message.id));
    return fmt::format(page, message.status, escape_html(message.reason),
                       escape_html(message.detail), id);
}

void add_body(LocalReply& reply, const Message& message, ReplyFormat format) {
    std::string_view type;
    switch (format) {
        case ReplyFormat::text:
            reply.body = text_body(message);
            type = "text/plain; charset=utf-8";
            break;
        case ReplyFormat::json:
            reply.body = json_body(message);
            type = "application/problem+json";
            break;
        case ReplyFormat::html:
            reply.body = html_body(message);
            type = "text/html; charset=utf-8";
            reply.head.fields.emplace_back("Content-Security-Policy", page_policy);
            break;
    }
    reply.head.fields.emplace_back("Content-Type", type);
}

}  // namespace

std::string_view reason_phrase(unsigned status) {
    if (const StatusText* known = find_text(status)) return known->reason;
    const auto* found =
        std::ranges::find(plain_reasons, status, &std::pair<unsigned, std::string_view>::first);
    return found == plain_reasons.end() ? std::string_view{} : found->second;
}

LocalReply error_reply(const ErrorReply& reply) {
    const StatusText* known = find_text(reply.status);
    Message message{reply.status, "Error", "The request could not be served.", ""};
    if (!reason_phrase(reply.status).empty()) message.reason = reason_phrase(reply.status);
    if (known != nullptr) message.detail = known->detail;
    if (!reply.detail.empty()) message.detail = reply.detail;
    if (valid_request_id(reply.request_id)) message.id = reply.request_id;

    LocalReply made{.head = {.status = reply.status, .fields = reply.extra_fields}, .body = {}};
    auto& fields = made.head.fields;
    if (!message.id.empty()) fields.emplace_back("X-Request-Id", message.id);
    if (reply.status >= 400) fields.emplace_back("Cache-Control", "no-store");
    if (reply.status != 204) add_body(made, message, choose_reply_format(reply.accept));
    made.head.length = made.body.size();
    return made;
}

}  // namespace otto::http
