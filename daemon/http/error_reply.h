#pragma once

#include <string>
#include <string_view>

namespace otto::http {

/// A reply of Otto's own.
struct ErrorReply {
    unsigned status = 500;
    bool keep_alive = true;
    bool client_is_http10 = false;
    bool head_only = false;         // answers HEAD: no body, but its length
    std::string_view date;          // IMF-fixdate
    std::string_view extra_fields;  // whole field lines with their CRLFs
};

/// Head and body of it, ready to be sent: a line of plain text that says the status.
std::string error_reply(const ErrorReply& reply);

/// The reason phrase of a status that Otto uses, or "".
std::string_view reason_phrase(unsigned status);

}  // namespace otto::http
