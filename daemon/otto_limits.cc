// What Otto does about the limits on connections of clients, and what the log has of them.

#include <fmt/format.h>
#include <sys/resource.h>

#include "base/phrases.h"
#include "net/pipe.h"
#include "otto.h"
#include "sd/journal.h"

namespace otto {

namespace {

/// File descriptors that are not for connections: loops, sockets, the journal, probes, the
/// libraries' own.
constexpr std::uint64_t reserved_fds = 128;

/// Client connections that fit beside one connection to a server each.
std::uint64_t connections_for(const LimitsConfig& limits, std::size_t workers) {
    if (limits.connections != 0) return limits.connections;
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return 0;
    const std::uint64_t reserved = reserved_fds + workers * net::PipePool::most_descriptors();
    return files.rlim_cur > 2 * reserved ? (files.rlim_cur - reserved) / 2 : files.rlim_cur / 4 + 1;
}

/// The time between two records about connections that were closed for a limit.
constexpr Duration limits_told_interval = std::chrono::seconds(10);

}  // namespace

void Otto::limit_connections() {
    share_->set_limit(connections_for(snapshot_->config.limits, share_->workers()));
}

void Otto::accept_paused(const std::string& reason) {
    if (paused_++ == 0)
        log(Priority::warning, &messages::accept_paused,
            "no new connections are accepted: " + reason, {{"REASON", reason}});
}

void Otto::accept_resumed() {
    if (--paused_ == 0)
        log(Priority::notice, &messages::accept_resumed, "new connections are accepted again");
}

/// One record stands for all connections that were closed since the last.
void Otto::tell_of_limits() {
    const TimePoint time = coarse_now();
    if (time - limits_told_.last < limits_told_interval) return;
    std::uint64_t evicted = 0;
    std::uint64_t refused = 0;
    for (const auto& worker : workers_) {
        for (const Counter& counter : worker->counters().evicted) evicted += counter.value();
        refused += worker->counters().refused.value();
    }
    const std::uint64_t more_evicted = evicted - limits_told_.evicted;
    const std::uint64_t more_refused = refused - limits_told_.refused;
    if (more_evicted == 0 && more_refused == 0) return;
    limits_told_ = {.evicted = evicted, .refused = refused, .last = time};
    if (more_evicted > 0)
        log(Priority::warning, &messages::connections_evicted,
            fmt::format("closed {} without a request in progress, to make room for others",
                        counted(more_evicted, "connection")),
            {{"CONNECTIONS", std::to_string(more_evicted)}});
    if (more_refused == 0) return;
    const std::string last = share_->clients.last_refused();
    log(Priority::warning, &messages::connections_refused,
        fmt::format("refused {} beyond limits.connectionsPerClient, the last one from {}",
                    counted(more_refused, "connection"), last),
        {{"CONNECTIONS", std::to_string(more_refused)}, {"CLIENT", last}});
}

}  // namespace otto
