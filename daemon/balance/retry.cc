#include "balance/retry.h"

namespace otto {

bool may_retry(Failure failure, bool request_sent, bool idempotent, bool body_replayable,
               unsigned attempts_made, unsigned attempts_allowed) {
    if (attempts_made >= attempts_allowed || !body_replayable) return false;
    switch (failure) {
        case Failure::refused:
        case Failure::connect_failed:
        case Failure::connect_timeout:
        case Failure::reset_before_response:
        case Failure::response_timeout:
            return !request_sent || idempotent;
        case Failure::malformed_response:
        case Failure::local:
            return !request_sent;
    }
    return false;
}

const char* to_string(Failure failure) {
    switch (failure) {
        case Failure::refused:
            return "connection refused";
        case Failure::connect_failed:
            return "connection failed";
        case Failure::connect_timeout:
            return "connection timed out";
        case Failure::reset_before_response:
            return "closed before a response";
        case Failure::response_timeout:
            return "no response in time";
        case Failure::malformed_response:
            return "malformed response";
        case Failure::local:
            return "out of resources";
    }
    return "";
}

std::string describe(Failure failure, std::string_view detail) {
    std::string text = to_string(failure);
    switch (failure) {
        case Failure::refused:
            // No such socket, perhaps.
            return detail.empty() ? text : std::string(detail);
        case Failure::connect_timeout:
        case Failure::response_timeout:
            return text;
        case Failure::connect_failed:
        case Failure::reset_before_response:
        case Failure::malformed_response:
        case Failure::local:
            break;
    }
    if (!detail.empty()) text.append(" (").append(detail).append(")");
    return text;
}

}  // namespace otto
