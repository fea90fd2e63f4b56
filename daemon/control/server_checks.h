#pragma once

#include <functional>
#include <list>
#include <memory>

#include "admin/control.h"
#include "config/config.h"
#include "event/deferred.h"
#include "event/loop.h"
#include "event/mailbox.h"

namespace otto::control {

/// Health checks that an operator asks for, of servers that need not be configured: made as those
/// of the monitor are, from the same process and with the same resolver, and without any effect.
/// Control thread.
class ServerChecks {
  public:
    using OnDone = std::function<void(const admin::Control::Checked&)>;
    /// At once; a check takes at most healthCheck.timeout, and a second for its name.
    static constexpr std::size_t most = 16;

    ServerChecks(const Loop& loop, Mailbox& mailbox);
    ~ServerChecks();
    ServerChecks(const ServerChecks&) = delete;
    ServerChecks& operator=(const ServerChecks&) = delete;

    /// False when there are too many already. `on_done` is called once, later.
    bool start(const ServerConfig& server, const HealthCheckConfig& how, OnDone on_done);

  private:
    class Check;

    const Loop& loop_;
    Mailbox& mailbox_;
    std::list<std::unique_ptr<Check>> checks_;
    Deferred sweep_;  // of those that are done
};

}  // namespace otto::control
