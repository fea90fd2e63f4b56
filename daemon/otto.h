#pragma once

#include <memory>
#include <string>
#include <vector>

#include "accesslog/access_log.h"
#include "admin/overlay/changes.h"
#include "base/heap_trim.h"
#include "config/load.h"
#include "control/admin_service.h"
#include "control/crew.h"
#include "control/limits.h"
#include "control/listening.h"
#include "control/port_report.h"
#include "control/reloader.h"
#include "control/servers.h"
#include "control/shutdown.h"
#include "control/status_report.h"
#include "control/sticky_key.h"
#include "control/supervision.h"
#include "event/loop.h"
#include "event/mailbox.h"
#include "event/timer.h"
#include "event/watch.h"
#include "options.h"
#include "sd/notifier.h"

namespace otto {

/// The process: what it consists of, how that starts, and how it ends. Control thread.
class Otto {
  public:
    /// Runs until a signal ends it; the process's exit code.
    static int run(const Options& options);

  private:
    Otto(const Options& options, Loop loop, std::unique_ptr<Mailbox> mailbox, Notifier notifier,
         control::Listening listening, control::StickyKey sticky_key);

    Status start(LoadedConfig loaded, std::vector<UniqueFd> admin_sockets);
    Status watch_signals();
    Status start_workers();
    void log_start() const;

    void use(Config config);
    std::vector<ConfigProblem> reload();
    std::string reload_and_explain();
    void tick();
    void dump() const;
    void terminate();
    void advance_shutdown();
    void stop(bool late);
    std::string status_line() const { return status_.line(admin_.rates()); }

    const Options options_;
    Loop loop_;
    std::unique_ptr<Mailbox> mailbox_;
    control::Listening listening_;
    control::StickyKey sticky_key_;
    admin::Changes changes_;  // made at run time
    std::unique_ptr<accesslog::AccessLog> access_log_;
    control::Crew crew_;
    control::Limits limits_{crew_};
    control::Servers servers_;
    control::PortReport ports_;
    control::Reloader reloader_;
    control::Shutdown shutdown_;
    control::StatusReport status_;
    control::Supervision supervision_;
    control::AdminService admin_;
    HeapTrim heap_trim_;
    Timer tick_timer_;
    Timer accept_timer_;
    std::vector<std::unique_ptr<SignalWatch>> signals_;
};

}  // namespace otto
