#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "balance/server.h"
#include "base/random.h"
#include "config/config.h"
#include "event/loop.h"
#include "health/probe.h"

namespace otto {

/// Probes servers from the control thread and decides about their health: nothing else brings
/// servers back. A limited number of probes is in flight at once, the rest wait their turn. Control
/// thread only.
class Monitor {
  public:
    /// A server's health changed, for `reason` ("2 checks passed", "connection refused", "status
    /// 503", "no answer in 2s", …). `first`: this is the first verdict about it.
    struct Flip {
        Server& server;
        Health from;
        Health to;
        std::string reason;
        bool first;
    };
    /// Called from the loop, from watch(), taken_out(), answered() and unresolved(), after the
    /// change; it may ask the monitor, but neither destroy it nor call watch().
    using OnFlip = std::function<void(const Flip&)>;
    /// A check of the server passed, whether or not that changed its health. Called from the loop,
    /// after OnFlip, under the same rules; never with type "off".
    using OnPassed = std::function<void(Server&)>;

    Monitor(const Loop& loop, OnFlip on_flip, OnPassed on_passed = {});
    ~Monitor();

    /// Watches exactly these servers from now on. Servers that were watched already keep their
    /// record, and a new configuration holds for them from the next probe on; new ones are probed
    /// at once, their first probe decides (one pass makes a new server healthy, one failure
    /// unhealthy); later verdicts need healthyAfter passes or unhealthyAfter failures in a row.
    /// Probes are spread over the interval with ±10 % jitter; for servers that are not healthy it
    /// is downInterval, if that is less. With type "off" every server is healthy at once, and a
    /// server that was taken out gets one probe by TCP connect per downInterval until that passes
    /// (the first one at once if checks were on before). With startHealthy new servers are healthy
    /// at once. A server without an address is not probed, whatever the type: it has no verdict
    /// until unresolved() tells.
    void watch(const std::vector<std::shared_ptr<Server>>& servers,
               const HealthCheckConfig& config);

    /// A worker's connection to the server was refused, and the worker took it out
    /// (Server::take_out() was true): restarts its count of passes, forgets a probe that began
    /// before, and reports the flip. Does nothing for a server that is not watched.
    void taken_out(Server& server, const std::string& reason);

    /// A server that is unhealthy answered a request, on a new connection: it is healthy at once,
    /// if it was out only because no connection came up. One that fails its checks by what it
    /// answers stays out. Does nothing for a server that is not watched.
    void answered(Server& server);

    /// A server without an address has waited long enough for one, or will not get any: it is
    /// unhealthy for `reason`. Does nothing for a server that is not watched.
    void unresolved(Server& server, const std::string& reason);

    /// Connections to servers have been closed: checks that wait for a place may go on.
    void place_freed();

    /// True when every watched server has had its first verdict.
    bool settled() const { return unsettled_ == 0; }

    /// What is known of a server, for people.
    struct Report {
        std::string reason;     // of its health; "" for a server that is not watched
        TimePoint since{};      // its health is what it is
        unsigned failures = 0;  // in a row, of a healthy server's last checks
        std::string failure;    // the last of them
    };
    Report report(const Server& server) const;
    std::string reason(const Server& server) const { return report(server).reason; }

  private:
    struct Watched;

    Watched* find(const Server& server) const;
    void adopt(Watched& watched, std::vector<Watched*>& assumed);
    void keep(Watched& watched, const HealthCheckConfig& before, std::vector<Watched*>& assumed);
    void enqueue(Watched& watched);
    void start_probes();
    void start_probe(Watched& watched);
    void stop_probe(Watched& watched);
    void probed(Watched& watched, ProbeResult result);
    void judge(Watched& watched, bool passed, std::string reason);
    Duration interval_of(const Watched& watched) const;
    void schedule(Watched& watched);
    void decide(Watched& watched, Health health, std::string reason);
    bool is_off() const { return config_.type == HealthCheckConfig::Type::off; }

    const Loop& loop_;
    OnFlip on_flip_;
    OnPassed on_passed_;
    HealthCheckConfig config_;
    Random random_;
    std::unordered_set<Watched*> probing_;  // servers whose check is in progress
    std::size_t unsettled_ = 0;
    int down_ = 0;                     // servers that are unhealthy
    std::deque<const Server*> queue_;  // whose probe is due; may name servers that are gone
    std::unordered_map<const Server*, std::unique_ptr<Watched>> watched_;
};

}  // namespace otto
