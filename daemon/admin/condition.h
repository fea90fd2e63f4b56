#pragma once

#include <string>

#include "balance/candidates.h"
#include "base/time.h"

namespace otto::admin {

/// How a server is at one moment, beside what is configured: what its health, ejections and slow
/// start come to. A value.
struct Condition {
    std::string reason;     // of its health: "2 checks passed", "connection refused"
    Duration health_for{};  // that its health has been what it is
    unsigned failures = 0;  // in a row, of a healthy server's last checks
    std::string failure{};  // the last of them
    bool ejected = false;   // or half-open
    bool half_open = false;
    Duration ejected_for{};     // still; zero when half-open
    std::string ejection{};     // why
    unsigned level = 10;        // tenths of its share, while it starts slowly
    double share = 0;           // of the requests now, 0 to 1
    bool failing_open = false;  // no server deserves requests: others get them

    bool operator==(const Condition&) const = default;
};

/// Why a server gets the requests that it gets, or none: one sentence for people, without a name
/// and a full stop. "healthy for 2 min", "ejected for 23 s: 5 errors in a row".
std::string why(const Member& member, const Condition& condition);

/// Roughly, in the largest unit that is full: "23 s", "2 min", "3 h", "12 days".
std::string rough_time(Duration duration);

}  // namespace otto::admin
