#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "admin/condition.h"
#include "admin/service_verdict.h"
#include "base/time.h"
#include "config/load.h"
#include "metrics/readings.h"
#include "proxy/snapshot.h"

namespace otto::admin {

class Sampler;

/// What the admin API asks of the control thread, and has it do. Implemented by Otto, which
/// outlives the API. Control thread.
class Control {
  public:
    struct Overview {
        std::string version;
        std::string state;  // "running", "draining"
        std::string line;   // as in `systemctl status`
        ServiceVerdict verdict;
        Duration uptime{};
        std::size_t workers = 0;
        std::size_t healthy = 0;
        std::uint64_t requests = 0;
        std::uint64_t connections = 0;
        std::uint64_t active = 0;   // requests at servers
        std::uint64_t queued = 0;   // requests that wait for a place at one
        bool failing_open = false;  // no healthy server is left, others are used
        std::vector<std::string> listening;
        std::string port_commands;  // those that make sockets and `port` agree; "": they do
        std::string unit;           // of systemd that Otto is, "otto.service"; "": none
        bool ready = false;
    };

    /// What one check of a server found.
    struct Checked {
        bool passed = false;
        std::string reason{};   // why not
        std::string address{};  // that was asked; "": there is none
        Duration took{};
    };

    virtual ~Control() = default;

    /// Looks at every server.
    virtual Overview overview() const = 0;
    /// Whether requests would find a healthy server.
    virtual bool ready() const = 0;
    virtual const std::string& config_file() const = 0;
    virtual const std::shared_ptr<const Snapshot>& shared_snapshot() const = 0;
    const Snapshot& snapshot() const { return *shared_snapshot(); }
    virtual metrics::Totals totals() const = 0;
    /// For /metrics; what the API itself counts is left to it.
    virtual metrics::Readings readings() const = 0;
    /// How a server of the snapshot is.
    virtual Condition condition(const Member& member, TimePoint now) const = 0;
    /// How it goes lately.
    virtual const Sampler& sampler() const = 0;

    /// Puts a configuration into use, whose changes are kept already.
    virtual void apply(Config config) = 0;
    /// Reads the file again. What is wrong with it, if anything; then nothing has changed.
    virtual std::vector<ConfigProblem> reload_file() = 0;
    /// Checks a server, configured or not, as the health check does, and without any effect. False
    /// when too many are being checked; `on_done` is called later.
    virtual bool check_server(const ServerConfig& server,
                              std::function<void(const Checked&)> on_done) = 0;
    /// Whether every worker goes by what was put into force last.
    virtual bool in_force_everywhere() const = 0;
};

}  // namespace otto::admin
