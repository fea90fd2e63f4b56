#pragma once

#include <cstddef>
#include <string_view>

#include "http/message.h"

namespace otto::http1 {

/// Looks for the end of a request head at the start of `input`, as bytes arrive.
struct HeadScan {
    std::size_t skip =
        0;  // empty lines (CRLF) before the request line, to be dropped; RFC 9112 §2.2
    std::size_t length = 0;  // of the head with its last CRLF, from `skip` on; 0: not complete
    http::Refusal refusal;  // too long, or malformed so that waiting for more is pointless (bare LF
                            // or CR, NUL)
};

/// `from` bytes of `input` were seen by an earlier call that found the head incomplete (0 at
/// first). Pure. Each byte is looked at once in total, so call it with all that came since. Keep
/// the skipped bytes until the head is complete: they count against the few empty lines that are
/// allowed.
HeadScan scan_request_head(std::string_view input, std::size_t from,
                           const http::RequestLimits& limits);

/// These bytes belong to no request: empty lines before one are ignored (RFC 9112 §2.2). Some
/// clients send one after a body, long before their next request.
inline bool only_line_ends(std::string_view bytes) {
    return bytes.find_first_not_of("\r\n") == std::string_view::npos;
}

/// Parses one complete head (RFC 9112 §§2–6, RFC 9110 §§5, 7), strictly: what could be read in two
/// ways is refused. `head` is only valid when nothing is refused, and as long as `input` is.
///
/// Where the RFCs leave a choice: an empty Host is refused (an http URI without a host is invalid,
/// RFC 9110 §4.2.1); an absolute-form target must agree with Host, but for case and the default
/// port; https:// outside TLS is 421 (RFC 9110 §7.4); HTTP/1.2 and later are served as 1.1;
/// Content-Length has no leading zeros; a field name that an underscore makes look like one that
/// Otto acts on is 400; CONNECT never keeps the connection, since bytes after it may be meant for a
/// tunnel; of an Upgrade, h2c is not taken (requests inside would pass unseen).
http::Refusal parse_request_head(std::string_view input, const http::RequestLimits& limits,
                                 http::RequestHead& head);

}  // namespace otto::http1
