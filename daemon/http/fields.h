#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace otto::http {

/// The header fields that mean something to a proxy; everything else is `other`.
enum class FieldId : std::uint8_t {
    other,
    alt_svc,
    authentication,  // Authorization and WWW-Authenticate
    connection,
    content_length,
    content_type,
    date,
    expect,
    forwarded,
    host,
    http2_settings,
    keep_alive,
    max_forwards,
    proxy_authenticate,
    proxy_authentication_info,
    proxy_authorization,
    proxy_connection,
    te,
    trailer,
    transfer_encoding,
    upgrade,
    via,
    x_forwarded_for,
    x_forwarded_host,
    x_forwarded_proto,
    x_request_id,
    accept,
    x_forwarded_port,
    identity,  // one of many by which a proxy may say who a client is: X-Real-IP, Remote-User …
};

/// One field line. `line` is the whole of it with its CRLF, so that runs of untouched fields can be
/// copied as one span.
struct Field {
    std::string_view name;
    std::string_view value;  // without the optional white space around it
    std::string_view line;
    FieldId id = FieldId::other;
};

/// What field a name is, without regard to case.
FieldId field_id(std::string_view name);

/// The field that `name` would be were its underscores hyphens, or `other`. Gateways that turn
/// names into variables (CGI, WSGI, Rack) take "X_Forwarded_For" for "X-Forwarded-For": such a name
/// can be read in two ways.
FieldId imitated_field(std::string_view name);

/// A Content-Length field's value (RFC 9110 §8.6): digits only, without leading zeros, below 2^63;
/// no list, even of equal values.
std::optional<Bytes> parse_content_length(std::string_view value);

/// Whether an Authorization or WWW-Authenticate field's value has the scheme NTLM or Negotiate:
/// these authenticate a connection, not a request (RFC 4559 §6), which must serve no other client
/// from then on.
bool authenticates_connection(std::string_view value);

/// Whether an element of an Upgrade field is HTTP/2 without TLS (RFC 9113 §3.1).
bool is_h2c(std::string_view protocol);

/// True when `list`, a comma-separated field value, has the token, without regard to case.
bool has_token(std::string_view list, std::string_view token);

/// ASCII comparison without regard to case.
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace otto::http
