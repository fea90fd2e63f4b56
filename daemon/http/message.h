#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

enum class Method : std::uint8_t {
    get,
    head,
    post,
    put,
    delete_,
    options,
    trace,
    connect,
    patch,
    other
};

/// RFC 9110 §9.2.2; of methods that Otto does not know, none.
constexpr bool is_idempotent(Method method) {
    switch (method) {
        case Method::get:
        case Method::head:
        case Method::put:
        case Method::delete_:
        case Method::options:
        case Method::trace:
            return true;
        case Method::post:
        case Method::connect:
        case Method::patch:
        case Method::other:
            return false;
    }
    return false;
}

/// How a message's body is delimited (RFC 9112 §6.3).
enum class Framing : std::uint8_t { none, length, chunked, until_close };

/// A request's head. The views point into the bytes that were parsed.
struct RequestHead {
    Method method = Method::other;
    std::string_view method_text;
    std::string_view target;     // as it came
    std::string_view authority;  // of an absolute- or authority-form target, or else the Host
                                 // field's value; "" only in HTTP/1.0 without Host
    std::string_view
        path;  // origin-form path and query, to be sent to the server ("*" for OPTIONS *); begins
               // with
               // '?' when an absolute-form target had a query but no path, is "" for CONNECT
    bool absolute_form = false;
    bool https = false;          // an absolute-form target's scheme
    unsigned version_minor = 1;  // HTTP/1.0 or HTTP/1.1
    std::vector<Field> fields;
    Framing framing = Framing::none;  // never until_close
    Bytes content_length = 0;
    bool keep_alive = true;        // the client's wish, RFC 9112 §9.3
    bool expect_continue = false;  // and HTTP/1.1, and a body is announced
    bool nominates = false;        // Connection names fields, which are hop-by-hop then
    bool upgrade = false;     // Connection: upgrade with an Upgrade field and HTTP/1.1; not to h2c
    bool offers_h2c = false;  // in an Upgrade field, to be left out there
    bool connection_authentication = false;  // authenticates_connection()

    /// Whether a body is announced, however long it is.
    bool has_body() const { return framing != Framing::none; }
    /// How long the body is; nothing when only its end will say.
    std::optional<Bytes> body_length() const {
        switch (framing) {
            case Framing::none:
                return 0;
            case Framing::length:
                return content_length;
            case Framing::chunked:
            case Framing::until_close:
                return std::nullopt;
        }
        return std::nullopt;
    }

    void clear();
    /// The first field of that kind, or null.
    const Field* find(FieldId id) const;
};

/// Whether an Authorization or WWW-Authenticate field's value has the scheme NTLM or Negotiate:
/// these authenticate a connection, not a request (RFC 4559 §6), which must serve no other client
/// from then on.
bool authenticates_connection(std::string_view value);

/// Limits on what a server may send in a head, and in a trailer section.
struct ResponseLimits {
    Bytes header_bytes = 64 * 1024;
    unsigned header_count = 200;
};
/// Which of them is exceeded.
enum class OverLimit : std::uint8_t { none, header_bytes, header_count };
/// Why the response is refused then, for people.
const char* reason_of(OverLimit over);

/// A response's head. The views point into the bytes that were parsed, or into `canonical`.
struct ResponseHead {
    unsigned version_minor = 1;
    unsigned status = 0;
    std::string_view status_line;  // with its CRLF
    std::vector<Field> fields;
    Framing framing = Framing::until_close;
    Bytes content_length = 0;
    bool keep_alive = true;                  // the server keeps the connection open afterwards
    std::string canonical;                   // the head, where it had to be rewritten
    bool connection_authentication = false;  // authenticates_connection()
    bool nominates = false;                  // Connection names fields, which are hop-by-hop then

    void clear();
    const Field* find(FieldId id) const;
};

/// What field a name is, without regard to case.
FieldId field_id(std::string_view name);

/// Whether an element of an Upgrade field is HTTP/2 without TLS (RFC 9113 §3.1).
bool is_h2c(std::string_view protocol);

/// True when `list`, a comma-separated field value, has the token, without regard to case.
bool has_token(std::string_view list, std::string_view token);

/// ASCII comparison without regard to case.
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace otto::http
