#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "http/forwarded.h"
#include "http/message.h"

namespace otto::http {

/// What a forwarded request must say about its client.
struct ForwardingContext {
    std::string_view client_ip;  // as Address::ip() gives it: no brackets, "unix" for UNIX sockets
    bool trusted = false;  // the peer is one of trustedProxies: its forwarding fields are believed
                           // and extended
    std::string_view scheme;  // "http" or "https", as the client's connection is
    std::string_view client_scheme =
        {};                             // as origin_of() says, where that is known: behind a proxy
    std::string_view client_host = {};  // that sends Forwarded
    bool drop_trailers = false;         // the request's trailers do not go on, nor does Trailer
    std::string_view base_path;         // of the server's URL; "" or "/prefix"
    std::string_view request_id;   // X-Request-Id in place of the client's; "" keeps what it sent
    std::string_view server_host;  // Host for a request that came without one (HTTP/1.0):
                                   // host[:port] of the server's URL
    bool via = false;              // add Via (RFC 9110 §7.6.3)
};

/// The number in Max-Forwards; nothing when there is none, or it is not one.
std::optional<Bytes> max_forwards(const RequestHead& request);

/// Appends the head of `request` as it goes to a server: request line in origin-form with HTTP/1.1,
/// hop-by-hop fields and those that Connection names dropped (RFC 9110 §7.6.1), Host from the
/// authority, framing fields normalised (one Content-Length or one "Transfer-Encoding: chunked"),
/// X-Forwarded-For/-Proto/-Host/-Port and Forwarded (RFC 7239) set: a stranger's are replaced, and
/// what else claims an identity is dropped; a trusted proxy's are extended (-Proto, -Host and -Port
/// kept), and those that it did not send are made of those that it did. Untouched fields are copied
/// in runs. Expect is kept where it means something (expect_continue), Upgrade only with
/// `keep_upgrade`, Trailer only with a chunked body, of TE only that trailers are welcome.
/// Max-Forwards of an OPTIONS request is counted down (RFC 9110 §7.6.2). Connection cannot take
/// away the fields that Otto acts on itself (Host, framing, forwarding, X-Request-Id, Content-Type
/// and the like). In Forwarded, addresses are quoted as RFC 7239 §6 says; a client on a UNIX socket
/// is the obfuscated identifier "_unix".
void append_request_head(std::string& out, const RequestHead& request,
                         const ForwardingContext& context, bool keep_upgrade);

/// How a reply goes to the client.
struct ReplyFraming {
    Framing framing =
        Framing::none;       // as sent; a chunked reply for an HTTP/1.0 client becomes until_close
    bool keep_alive = true;  // else "Connection: close" is added, as it is with until_close
    bool client_is_http10 = false;     // keep_alive then needs "Connection: keep-alive"
    bool via = false;                  // add Via
    std::string_view set_cookie = {};  // the value of a Set-Cookie field to add
};

/// How the body of `response` goes to a client: chunked where only its end says how long it is, or
/// up to the end of the connection for an HTTP/1.0 client.
Framing reply_framing(const ResponseHead& response, bool client_is_http10);

/// Whether a response with this status has a Content-Length of its own (RFC 9110 §8.6).
constexpr bool has_length(unsigned status) {
    return status >= 200 && status != 204 && status != 304;
}

/// Appends the head of `response` as it goes to the client: HTTP/1.1 status line, hop-by-hop fields
/// and those that Connection names dropped, framing fields as `framing` says (Content-Length is
/// kept with framing none: HEAD, 304; 1xx and 204 have neither, RFC 9110 §8.6), Date added when
/// absent (RFC 9110 §6.6.1). `date` is the current IMF-fixdate, 29 bytes. Untouched fields are
/// copied in runs. 101 and 426 keep Upgrade.
void append_response_head(std::string& out, const ResponseHead& response,
                          const ReplyFraming& framing, std::string_view date);

/// Appends an interim (1xx, not 101) response's head without hop-by-hop fields.
void append_interim_head(std::string& out, const ResponseHead& response);

/// Appends `time` (seconds since 1970) as IMF-fixdate (RFC 9110 §5.6.7), 29 bytes; years 1970 to
/// 9999.
void append_imf_fixdate(std::string& out, long long time);

}  // namespace otto::http
