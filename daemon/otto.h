#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accesslog/access_log.h"
#include "admin/api.h"
#include "admin/overlay/changes.h"
#include "base/heap_trim.h"
#include "config/load.h"
#include "control/admin_control.h"
#include "control/crew.h"
#include "control/limits.h"
#include "control/listening.h"
#include "control/log_tap.h"
#include "control/port_report.h"
#include "control/reload_socket.h"
#include "control/reloader.h"
#include "control/server_checks.h"
#include "control/servers.h"
#include "control/shutdown.h"
#include "control/status_report.h"
#include "control/sticky_key.h"
#include "control/watchdog.h"
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
    Status open_admin(std::vector<UniqueFd> sockets);
    void open_reload_socket();
    void watch_workers(Duration interval);
    void log_start() const;

    void use(Config config);
    std::vector<ConfigProblem> reload();
    std::string reload_and_explain();
    void report_ready();
    void tick();
    void check_workers();
    void dump() const;
    void terminate();
    void advance_shutdown();
    void stop(bool late);
    std::string status_line() const { return status_.line(control_.sampler().total()); }

    const Options options_;
    Loop loop_;
    std::unique_ptr<Mailbox> mailbox_;
    Notifier notifier_;
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
    std::unique_ptr<control::ReloadSocket> reload_socket_;
    control::AdminControl control_;
    std::unique_ptr<admin::Api> api_;      // null: there is no socket for it
    control::ServerChecks server_checks_;  // after the API, which their ends refer to
    HeapTrim heap_trim_;
    std::string last_status_;
    Timer tick_timer_;
    Timer accept_timer_;
    std::optional<control::Watchdog> watchdog_;
    Timer watchdog_timer_;
    std::vector<std::unique_ptr<SignalWatch>> signals_;
    std::optional<control::LogTap> tap_;  // last: no record is brought when the rest ends
};

}  // namespace otto
