#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"

namespace otto {

/// HOST[:PORT] taken apart: the host in lower case and without brackets, literal addresses in their
/// canonical form.
struct Authority {
    std::string host;
    bool literal = false;               // an IPv4 or IPv6 address
    std::optional<std::uint16_t> port;  // absent: none was given

    /// The host as it stands in a URL: IPv6 in brackets.
    std::string url_host() const;
};

/// A host is an IPv4 address, an IPv6 address in brackets, or a name (RFC 1123 §2.1, underscores
/// allowed); it may be empty only with `allow_empty`. The Error is a reason to follow what was
/// found ("a name has letters, …").
Result<Authority> parse_authority(std::string_view text, bool allow_empty = false);

/// ":8080", "127.0.0.1:8080", "[::]:8080".
Result<ListenConfig> parse_listen(std::string_view text);

/// An address that only this host reaches: ":8081" (of 127.0.0.1), "127.0.0.1:8081", "[::1]:8081",
/// "unix:/PATH" or "unix:@NAME".
Result<Address> parse_local_listen(std::string_view text);

/// A server's address: "http://HOST[:PORT][/PATH]" (RFC 3986 §3, without user, query or fragment),
/// "unix:/PATH" or "unix:@NAME" (abstract). Gives url, host, port, socket_path and base_path; the
/// name is the URL.
Result<ServerConfig> parse_server_url(std::string_view text);

/// A server as people type it, as a URL: "5001" is http://localhost:5001, "HOST:PORT" is
/// http://HOST:PORT; what has a scheme stays as it is.
std::string with_scheme(const std::string& server);

/// The reason why `path` is no absolute path of a URL (RFC 3986 §3.3; with `allow_query` also a
/// query), "" when it is.
std::string check_path(std::string_view path, bool allow_query);

}  // namespace otto
