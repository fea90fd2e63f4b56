#include "http/error_reply.h"

#include <fmt/format.h>

namespace otto::http {

std::string_view reason_phrase(unsigned status) {
    switch (status) {
        case 204:
            return "No Content";
        case 400:
            return "Bad Request";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 417:
            return "Expectation Failed";
        case 421:
            return "Misdirected Request";
        case 431:
            return "Request Header Fields Too Large";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "";
    }
}

std::string error_reply(const ErrorReply& reply) {
    std::string text = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n{}", reply.status,
                                   reason_phrase(reply.status), reply.date, reply.extra_fields);
    if (!reply.keep_alive) {
        text += "Connection: close\r\n";
    } else if (reply.client_is_http10) {
        text += "Connection: keep-alive\r\n";
    }
    if (reply.status == 204) return text += "\r\n";
    const std::string body = fmt::format("{} {}\n", reply.status, reason_phrase(reply.status));
    text += fmt::format("Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
                        body.size());
    if (!reply.head_only) text += body;
    return text;
}

}  // namespace otto::http
