#include "observe/trace.h"

namespace otto::observe {

const char* to_string(OwnReply reply) {
    switch (reply) {
        case OwnReply::none:
            return "";
        case OwnReply::refused:
            return "refused";
        case OwnReply::options:
            return "options";
        case OwnReply::no_server:
            return "no-server";
        case OwnReply::queue_full:
            return "queue-full";
        case OwnReply::queue_timeout:
            return "queue-timeout";
        case OwnReply::attempt_failed:
            return "attempt-failed";
        case OwnReply::too_slow:
            return "too-slow";
    }
    return "";
}

}  // namespace otto::observe
