#include "control/limits.h"

#include <utility>

#include <fmt/format.h>
#include <sys/resource.h>

#include "base/phrases.h"
#include "log/journal.h"
#include "net/pipe.h"

namespace otto::control {

namespace {

/// File descriptors that are not for connections: loops, sockets, the journal, probes, the
/// libraries' own.
constexpr std::uint64_t reserved_fds = 128;

/// The time between two records about connections that were closed for a limit.
constexpr Duration record_interval = std::chrono::seconds(10);

/// Client connections that fit beside one connection to a server each.
std::uint64_t connections_for(const LimitsConfig& limits, std::size_t workers) {
    if (limits.connections != 0) return limits.connections;
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return 0;
    const std::uint64_t reserved = reserved_fds + workers * net::PipePool::most_descriptors();
    return files.rlim_cur > 2 * reserved ? (files.rlim_cur - reserved) / 2 : files.rlim_cur / 4 + 1;
}

}  // namespace

void Limits::configure(const LimitsConfig& config) {
    crew_.share().set_limit(connections_for(config, crew_.size()));
}

void Limits::accept_paused(const std::string& reason) {
    if (paused_++ == 0)
        log(Priority::warning, &messages::accept_paused,
            "no new connections are accepted: " + reason, {{"REASON", reason}});
}

void Limits::accept_resumed() {
    if (--paused_ == 0)
        log(Priority::notice, &messages::accept_resumed, "new connections are accepted again");
}

void Limits::tick(TimePoint now) {
    if (now - logged_ < record_interval) return;
    std::uint64_t evicted = 0;
    std::uint64_t refused = 0;
    for (const auto& worker : crew_.workers()) {
        for (const observe::Counter& counter : worker->counters().evicted)
            evicted += counter.value();
        refused += worker->counters().refused.value();
    }
    const std::uint64_t more_evicted = evicted - std::exchange(evicted_, evicted);
    const std::uint64_t more_refused = refused - std::exchange(refused_, refused);
    if (more_evicted == 0 && more_refused == 0) return;
    logged_ = now;
    if (more_evicted > 0)
        log(Priority::warning, &messages::connections_evicted,
            fmt::format("closed {} without a request in progress, to make room for others",
                        counted(more_evicted, "connection")),
            {{"CONNECTIONS", std::to_string(more_evicted)}});
    if (more_refused == 0) return;
    const std::string last = crew_.share().clients.last_refused();
    log(Priority::warning, &messages::connections_refused,
        fmt::format("refused {} beyond limits.connectionsPerClient, the last one from {}",
                    counted(more_refused, "connection"), last),
        {{"CONNECTIONS", std::to_string(more_refused)}, {"CLIENT", last}});
}

}  // namespace otto::control
