#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "accesslog/access_log.h"
#include "admin/overlay/changes.h"
#include "admin/sampler.h"
#include "admin/service_verdict.h"
#include "base/time.h"
#include "control/crew.h"
#include "control/port_report.h"
#include "control/reloader.h"
#include "control/servers.h"
#include "control/shutdown.h"

namespace otto::control {

/// What the status line says: one moment of the service.
struct StatusFacts {
    admin::ServiceFacts service;
    std::size_t healthy = 0;      // servers
    std::size_t draining = 0;     // those whose state is "drain"
    std::string why_unavailable;  // no server can be asked
};

/// The line in `systemctl status`: "3/5 servers healthy (1 ejected), 12 requests/s, …".
std::string status_line(const StatusFacts& facts);

/// How the service is, for operators: collects the facts from which the status line and the verdict
/// follow. Owned by Otto; control thread.
class StatusReport {
  public:
    /// All of them outlive it.
    struct Sources {
        const Servers& servers;
        const Crew& crew;
        const Reloader& reloader;
        const Shutdown& shutdown;
        const PortReport& ports;
        const admin::Changes& changes;
        const std::unique_ptr<accesslog::AccessLog>& access_log;  // null until it is opened
    };

    explicit StatusReport(const Sources& sources) : from_(sources) {}

    /// `rates` are those of late.
    admin::ServiceVerdict verdict(const admin::Sample& rates) const {
        return admin::verdict_of(facts(rates).service);
    }
    std::string line(const admin::Sample& rates) const { return status_line(facts(rates)); }
    /// Once a second: notices requests that found the queue full.
    void tick(TimePoint now);

  private:
    StatusFacts facts(const admin::Sample& rates) const;

    const Sources from_;
    std::uint64_t overflows_ = 0;  // of the queue, as of the last tick
    TimePoint overflowed_{};       // the last time there were more
};

}  // namespace otto::control
