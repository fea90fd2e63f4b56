#pragma once

#include <optional>
#include <string_view>

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

}  // namespace otto::http
