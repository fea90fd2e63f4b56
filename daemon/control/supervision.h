#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "control/crew.h"
#include "control/reload_socket.h"
#include "control/watchdog.h"
#include "event/loop.h"
#include "event/timer.h"
#include "sd/notifier.h"

namespace otto::control {

/// What passes between Otto and systemd: readiness, the status line, the watchdog, and reloads that
/// `otto --reload` asks for. Owned by Otto; control thread.
class Supervision {
  public:
    Supervision(const Loop& loop, Notifier notifier, Crew& crew);

    /// Serves `otto --reload`, if there is a state directory; as ReloadSocket::open() says.
    void serve_reloads(std::function<std::string()> on_request);
    /// Beats the watchdog from now on, if there is one.
    void watch_workers();
    bool watched() const { return notifier_.watchdog_interval().has_value(); }

    void reloading() { notifier_.reloading(); }
    /// Otto has started, or a reload is over: all that asked for one are answered.
    void ready(std::string status);
    /// Sends the status line if it is another one.
    void status(std::string status);
    /// Otto stops.
    void stopping(std::string status);
    /// It goes on stopping. At least once a second.
    void still_stopping();

  private:
    void check_workers();

    const Loop& loop_;
    Notifier notifier_;
    Crew& crew_;
    std::string status_;  // as it was sent last
    std::unique_ptr<ReloadSocket> reload_socket_;
    std::optional<Watchdog> watchdog_;
    Timer watchdog_timer_;
};

}  // namespace otto::control
