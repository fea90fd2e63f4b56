#include "control/supervision.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "log/journal.h"
#include "sd/state.h"

namespace otto::control {

namespace {

/// What systemd is asked to wait while Otto stops, counted from each second: for the end of the
/// workers, and for three seconds each that the logs may take for what is left.
constexpr Duration stop_margin = std::chrono::seconds(11);

void log_stuck(unsigned worker, Duration silent) {
    log(Priority::critical, &messages::worker_stuck,
        fmt::format("worker {} has not responded for {} ms; systemd will restart Otto", worker,
                    std::chrono::duration_cast<std::chrono::milliseconds>(silent).count()),
        {{"WORKER", std::to_string(worker)}});
}

}  // namespace

Supervision::Supervision(const Loop& loop, Notifier notifier, Crew& crew)
    : loop_(loop),
      notifier_(notifier),
      crew_(crew),
      watchdog_timer_(loop, [this] { check_workers(); }) {}

void Supervision::serve_reloads(std::function<std::string()> on_request) {
    const auto directory = state_directory();
    if (!directory) return;
    auto socket = ReloadSocket::open(loop_, *directory, std::move(on_request));
    if (socket) {
        reload_socket_ = std::move(*socket);
    } else {
        log(Priority::warning, nullptr,
            "systemctl reload will fail; send SIGHUP instead: " + socket.error().message);
    }
}

void Supervision::watch_workers() {
    const auto interval = notifier_.watchdog_interval();
    if (!interval) return;
    watchdog_.emplace(*interval,
                      Watchdog::Callbacks{.beat = [this] { notifier_.watchdog(); },
                                          .ping = [this] { crew_.ping(); },
                                          .behind = [this] { return crew_.behind(); },
                                          .on_stuck = log_stuck},
                      coarse_now());
    watchdog_timer_.set_after(watchdog_->pause());
}

void Supervision::check_workers() {
    watchdog_timer_.set_after(watchdog_->pause());
    watchdog_->check(coarse_now());
}

void Supervision::ready(std::string status) {
    status_ = std::move(status);
    notifier_.ready(status_);
    if (reload_socket_) reload_socket_->applied();
}

void Supervision::status(std::string status) {
    if (status == status_) return;
    status_ = std::move(status);
    notifier_.status(status_);
}

void Supervision::stopping(std::string status) {
    status_ = std::move(status);
    notifier_.stopping(status_);
    still_stopping();
}

void Supervision::still_stopping() {
    notifier_.extend_timeout(stop_margin);
}

}  // namespace otto::control
