#pragma once

#include <string>
#include <string_view>

#include "http/reply_sink.h"
#include "http1/append_response.h"

namespace otto::http1 {

/// Appends the head of a reply that Otto makes itself. `reply.framing` is how the body goes out; a
/// Content-Length is added wherever the length is known and the status allows one.
void append_local_head(std::string& out, const http::LocalHead& head, const ReplyFraming& reply,
                       std::string_view date);

}  // namespace otto::http1
