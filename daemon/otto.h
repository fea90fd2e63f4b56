#pragma once

#include <memory>
#include <string>
#include <vector>

#include "balance/candidates.h"
#include "config/load.h"
#include "event/loop.h"
#include "event/mailbox.h"
#include "event/timer.h"
#include "event/watch.h"
#include "health/monitor.h"
#include "http/front.h"
#include "listening.h"
#include "options.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"
#include "sd/notifier.h"
#include "supervision.h"

namespace otto {

/// The control thread: starts everything, decides about health and configuration, reports to
/// systemd, ends everything.
class Otto {
  public:
    /// Runs until told to stop; the process's exit code.
    static int run(const Options& options);

  private:
    enum class Phase : std::uint8_t { starting, running, draining, stopped };

    Otto(const Options& options, Loop loop, std::unique_ptr<Mailbox> mailbox, Notifier notifier,
         Listening listening);

    Status start(LoadedConfig loaded);
    LoadedConfig fall_back(const LoadedConfig& bad);
    Status start_workers();
    void adopt(Config config);
    void publish();
    void publish_soon();
    void settle();
    void keep_last_good(const std::string& source) const;

    void reload();
    void drain();
    void stop();
    void dump();

    void server_flipped(const Monitor::Flip& flip);
    void taken_out(std::uint64_t server, const std::string& reason);
    void accept_paused(const std::string& reason);
    void accept_resumed();
    void worker_drained();
    void report_port();
    void tick();
    std::string status_line() const;
    std::string name_of(const Server& server) const;
    std::size_t healthy_servers() const;

    const Options options_;
    Loop loop_;
    std::unique_ptr<Mailbox> mailbox_;
    Notifier notifier_;
    Listening listening_;
    Phase phase_ = Phase::starting;
    std::string trouble_;       // what is wrong with the configuration, for STATUS=
    std::string port_differs_;  // likewise of the sockets
    std::shared_ptr<const Snapshot> snapshot_;
    std::shared_ptr<const Candidates> candidates_;
    bool adopting_ = false;  // flips are published together afterwards
    bool publish_due_ = false;
    bool settling_ = true;  // at Otto's start, until the first verdicts are in
    Monitor monitor_;
    std::unique_ptr<http::ConnectionShare> share_;
    WorkerReports reports_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::unique_ptr<Watchdog> watchdog_;
    RequestRate rate_;
    std::string last_status_;
    std::size_t paused_ = 0;  // workers that do not accept
    std::size_t drained_ = 0;
    TimePoint drain_until_{};
    Timer settle_timer_;
    Timer tick_timer_;
    std::vector<std::unique_ptr<SignalWatch>> signals_;
};

}  // namespace otto
