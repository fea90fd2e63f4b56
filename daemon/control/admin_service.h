#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/api.h"
#include "admin/overlay/changes.h"
#include "base/handle.h"
#include "base/result.h"
#include "control/admin_control.h"
#include "control/log_tap.h"
#include "control/server_checks.h"
#include "event/loop.h"
#include "event/mailbox.h"

namespace otto::control {

/// The admin API with what it needs of the control thread: its sockets, its events, and the checks
/// that operators ask for. Owned by Otto; control thread.
class AdminService {
  public:
    AdminService(const Loop& loop, Mailbox& mailbox, admin::Changes& changes,
                 AdminControl::Parts parts, AdminControl::About about);

    /// From now on what is logged becomes events, once there is an API.
    void tap_log();
    /// Serves the API on these sockets; without any there is none.
    Status open(std::vector<UniqueFd> sockets);
    /// A UNIX socket of the API, for ottoctl; "": there is none.
    const std::string& unix_socket() const { return unix_socket_; }

    /// Once a second.
    void tick(TimePoint now);
    /// What servers and clients have done of late.
    const admin::Sample& rates() const { return control_.sampler().total(); }
    /// Otto stops: streams end.
    void close();

  private:
    const Loop& loop_;
    Mailbox& mailbox_;
    admin::Changes& changes_;
    AdminControl control_;
    std::unique_ptr<admin::Api> api_;  // null: there is no socket for it
    std::string unix_socket_;
    ServerChecks checks_;        // after the API, which their ends refer to
    std::optional<LogTap> tap_;  // last: no record is brought when the rest ends
};

}  // namespace otto::control
