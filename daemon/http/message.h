#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "http/fields.h"

namespace otto::http {

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

/// Limits on what a client may send in a head.
struct RequestLimits {
    Bytes header_bytes = 32 * 1024;
    unsigned header_count = 100;
    Bytes target_bytes = 16 * 1024;
    bool secure = false;  // the connection is under TLS: only then is an https target accepted
};

/// Why a message was refused: the status that the client gets (400, 414, 417, 421, 431, 501, 505)
/// and a short reason for the log.
struct Refusal {
    unsigned status = 0;  // 0: not refused
    const char* reason = "";

    explicit operator bool() const { return status != 0; }
};

/// A refusal that says 400 (Bad Request).
constexpr Refusal bad_request(const char* reason) {
    return {400, reason};
}

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

}  // namespace otto::http
