#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace otto::admin {

/// What the verdict goes by, as of one moment.
struct ServiceFacts {
    bool draining = false;
    std::uint64_t connections = 0;
    std::size_t total = 0;      // servers
    std::size_t receiving = 0;  // those that receive requests
    std::size_t unhealthy = 0;  // active ones
    std::size_t unknown = 0;    // active ones that have not been checked
    std::size_t ejected = 0;
    std::size_t drained = 0;
    std::size_t disabled = 0;
    bool failing_open = false;
    bool no_server = false;          // there is not even a server to fail open with
    double requests_per_second = 0;  // of late
    double errors_per_second = 0;
    bool queue_full = false;      // requests were refused of late
    bool access_log_bad = false;  // it cannot be written, or loses records
    std::string file_error;       // of the file on disk, when it is not what is active
    std::string changes;          // what is to be known about run-time changes, or ""
    std::string port;             // the same of sockets that are not where `port` says
};

/// How Otto's service is: what the status line, the page, `ottoctl status` and `ottoctl top` say.
/// "good" only when nothing is wrong.
struct ServiceVerdict {
    enum class Tone : std::uint8_t { good, warning, bad };
    Tone tone = Tone::good;
    std::string text;                // one sentence, without a full stop
    std::vector<std::string> notes;  // what else is wrong, a phrase each
};

ServiceVerdict verdict_of(const ServiceFacts& facts);
const char* to_string(ServiceVerdict::Tone tone);

}  // namespace otto::admin
