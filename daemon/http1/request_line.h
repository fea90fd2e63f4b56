#pragma once

#include <cstddef>
#include <string_view>

#include "http/message.h"

namespace otto::http1 {

/// The longest method that is accepted.
inline constexpr std::size_t max_method = 64;

/// Parses the request line (RFC 9112 §3) that `input` begins with, and takes the target apart
/// (§3.2). Leaves the line's length with CRLF. Pure.
http::Refusal parse_request_line(std::string_view input, const http::RequestLimits& limits,
                                 http::RequestHead& head, std::size_t& length);

/// Judges the request line at the start of an incomplete head (empty lines may stand before it) as
/// soon as its CRLF is there: a greeting of another protocol need not be waited on. `from`: as with
/// scan_request_head(), after which it is to be called.
http::Refusal judge_request_line(std::string_view input, std::size_t from,
                                 const http::RequestLimits& limits);

/// Whether a head that was refused, or has not come in full, is one of a HEAD request as far as can
/// be told: its answer has no body then. Empty lines may stand before it.
bool begins_head_request(std::string_view input);

}  // namespace otto::http1
