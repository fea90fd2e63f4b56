#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace otto {

/// Tells systemd about the state of the service (sd_notify(3)). Owned and used by the control
/// thread. Silent when nobody listens, so that callers need not ask; a message that cannot be sent
/// is dropped, as there is nobody else to tell.
class Notifier {
  public:
    /// Takes the watchdog's variables out of the environment. NOTIFY_SOCKET stays in it: libsystemd
    /// looks it up for each message, and changing the environment once threads run is not safe.
    /// Otto starts no children, and NotifyAccess=main would not listen to them. Call before the
    /// first thread.
    static Notifier from_environment();

    /// Somebody listens.
    bool active() const { return active_; }

    /// Started, or done with reloading.
    void ready(std::string_view status);
    /// With the time at which it began (MONOTONIC_USEC), which systemd from 253 on asks for.
    /// ready() ends it.
    void reloading();
    void stopping(std::string_view status);
    /// One line for `systemctl status`.
    void status(std::string_view status);
    /// All is well; to be called at least every watchdog_interval().
    void watchdog();
    /// Starting, reloading or stopping goes on: systemd should wait this much longer, counted from
    /// now.
    void extend_timeout(Duration duration);

    /// WatchdogSec= of the unit, when it is meant for this process; a beat is due after half of it.
    std::optional<Duration> watchdog_interval() const { return watchdog_interval_; }

  private:
    Notifier(bool active, std::optional<Duration> watchdog_interval)
        : active_(active), watchdog_interval_(watchdog_interval) {}

    bool active_;
    std::optional<Duration> watchdog_interval_;
};

}  // namespace otto
