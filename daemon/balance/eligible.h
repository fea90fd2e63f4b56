#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "balance/candidates.h"
#include "balance/ejections.h"
#include "balance/slow_start.h"
#include "base/time.h"

namespace otto {

/// Who of the configured servers may be given requests at one moment.
struct Eligible {
    std::vector<Member> members;  // in configured order, with their shares
    /// The backups that are in, while `members` are others: for requests that find all of those out
    /// or tried before that has come around.
    std::vector<Member> reserve;
    /// No server deserves requests: `members` are those that might answer all the same.
    bool failing_open = false;
    /// They are out by their health.
    bool unhealthy = false;
    /// Not among `members` (unless failing open), but each is to get one request.
    std::vector<Member> half_open;
    /// When all of this will be different, though nothing happens before.
    std::optional<TimePoint> next_change;
};

/// Configured to get requests, healthy, and not ejected.
bool is_in(const Member& member, const Ejections& ejections);

/// Their Server::id.
std::vector<std::uint64_t> servers_in(const std::vector<Member>& members,
                                      const Ejections& ejections);

/// Whether another server would be left to take over, and no more than `max_percent` of those that
/// are configured to receive requests would be ejected. One may always be.
bool may_eject(std::uint64_t server, const std::vector<Member>& members, const Ejections& ejections,
               unsigned max_percent);

/// The first of these groups that is not empty, of the active servers with a weight above 0: those
/// that are in and not backups; the backups that are in; failing open, those that are ejected but
/// pass their checks; failing open, all that have an address, but only once every health is
/// known (`settled`). Shares are the weights, or ten times those while a server's share grows.
/// Pure; for 10,000 members about a millisecond.
Eligible eligible(const std::vector<Member>& members, const Ejections& ejections,
                  const SlowStart& slow_start, bool settled, TimePoint now);

}  // namespace otto
