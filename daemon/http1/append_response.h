#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace otto::http1 {

/// How a reply goes to the client.
struct ReplyFraming {
    http::Framing framing =
        http::Framing::none;  // as sent; a chunked reply for an HTTP/1.0 client becomes until_close
    bool keep_alive = true;   // else "Connection: close" is added, as it is with until_close
    bool client_is_http10 = false;     // keep_alive then needs "Connection: keep-alive"
    bool via = false;                  // add Via
    std::string_view set_cookie = {};  // the value of a Set-Cookie field to add
};

/// How the body of `response` goes to a client: chunked where only its end says how long it is, or
/// up to the end of the connection for an HTTP/1.0 client.
http::Framing reply_framing(const http::ResponseHead& response, bool client_is_http10);

/// Whether a response with this status has a Content-Length of its own (RFC 9110 §8.6).
constexpr bool has_length(unsigned status) {
    return status >= 200 && status != 204 && status != 304;
}

/// Appends the head of `response` as it goes to the client: HTTP/1.1 status line, hop-by-hop fields
/// and those that Connection names dropped, framing fields as `framing` says (Content-Length is
/// kept with framing none: HEAD, 304; 1xx and 204 have neither, RFC 9110 §8.6), Date added when
/// absent (RFC 9110 §6.6.1). `date` is the current IMF-fixdate, 29 bytes. Untouched fields are
/// copied in runs. 101 and 426 keep Upgrade.
void append_response_head(std::string& out, const http::ResponseHead& response,
                          const ReplyFraming& framing, std::string_view date);

/// Appends an interim (1xx, not 101) response's head without hop-by-hop fields.
void append_interim_head(std::string& out, const http::ResponseHead& response);

}  // namespace otto::http1
