#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/reply_sink.h"

namespace otto::http {

/// A reply of Otto's own. The views need only last for the call.
struct ErrorReply {
    unsigned status = 500;
    std::vector<std::pair<std::string, std::string>> extra_fields = {};
    std::string_view accept = {};      // the request's Accept fields, joined by commas; "": none
    std::string_view detail = {};      // a sentence in UTF-8; "": the one that fits the status
    std::string_view request_id = {};  // "": none; so is one that valid_request_id() refuses
};

struct LocalReply {
    LocalHead head;
    std::string body;
};

/// Head and body of it. The body says status, detail and request id as plain text, as a problem
/// document (RFC 9457) or as a page that loads nothing from anywhere, whichever `accept` prefers
/// (choose_reply_format()). 204 has no body. Errors are not to be stored by caches, since they
/// speak of one moment and one request.
LocalReply error_reply(const ErrorReply& reply);

/// The reason phrase of a status that Otto uses, or "".
std::string_view reason_phrase(unsigned status);

}  // namespace otto::http
