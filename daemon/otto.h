#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/api.h"
#include "admin/changes.h"
#include "admin/control.h"
#include "admin/sampler.h"
#include "balance/candidates.h"
#include "base/heap_trim.h"
#include "config/load.h"
#include "event/loop.h"
#include "event/mailbox.h"
#include "event/timer.h"
#include "event/watch.h"
#include "health/monitor.h"
#include "health/resolver.h"
#include "health/roster.h"
#include "http/front.h"
#include "listening.h"
#include "options.h"
#include "proxy/access_log.h"
#include "proxy/queue.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"
#include "reloading.h"
#include "sd/journal.h"
#include "sd/notifier.h"
#include "sd/record_fold.h"
#include "sd/socket_unit.h"
#include "server_checks.h"
#include "supervision.h"
#include "tls/hmac.h"

namespace otto {

/// The control thread: starts everything, decides about health and configuration, reports to
/// systemd, ends everything.
class Otto : private admin::Control {
  public:
    /// Runs until told to stop; the process's exit code.
    static int run(const Options& options);

  private:
    enum class Phase : std::uint8_t { starting, running, draining, stopped };

    Otto(const Options& options, Loop loop, std::unique_ptr<Mailbox> mailbox, Notifier notifier,
         Listening listening);

    Status start(LoadedConfig loaded, std::vector<UniqueFd> admin_sockets);
    Status start_workers();
    void limit_connections();

    // Configurations, in otto_config.cc.
    LoadedConfig fall_back(const LoadedConfig& bad);
    static void log_problems(const LoadedConfig& loaded, const MessageType& type);
    void note_what_waits(const Config& config) const;
    void adopt(Config config);
    void take_up(SnapshotBuild build);
    void names_changed();
    void name_news(const Resolver::News& news);
    void report_port();
    std::string port_commands() const;
    void open_reload_socket();
    std::string reload_asked();
    void keep_last_good(const std::string& source) const;
    Status load_sticky_key();
    void keep_sticky_key();

    // Who gets requests, in otto_servers.cc.
    void publish();
    void publish_soon();
    void publish_if_due();
    void tell(Priority priority, const MessageType& type, std::string text,
              std::vector<LogField> fields);
    void log_news();
    void log_folded(Priority priority, const MessageType& type, std::string_view text,
                    std::vector<LogField> fields);
    void log_rest();
    void settle();
    void server_flipped(const Monitor::Flip& flip);
    void taken_out(std::uint64_t server, const std::string& reason);
    void answered(std::uint64_t server);
    void server_ejected(const Member& member, const Ejections::Ejected& ejected,
                        const std::string& reason);
    void server_back(const Member& member, const std::string& reason);
    void service_changed();
    std::string roster_line() const;
    std::string name_of(const Server& server) const;

    // For the admin API, in otto_admin.cc.
    Status open_admin(std::vector<UniqueFd> sockets);
    void tap_log();
    Overview overview() const override;
    const std::shared_ptr<const Snapshot>& shared_snapshot() const override { return snapshot_; }
    bool ready() const override;
    const std::string& config_file() const override { return config_path_; }
    admin::Totals totals() const override;
    admin::Readings readings() const override;
    admin::Condition condition(const Member& member, TimePoint now) const override;
    const admin::Sampler& sampler() const override { return sampler_; }
    void apply(Config config) override;
    std::vector<ConfigProblem> reload_file() override;
    bool check_server(const ServerConfig& server,
                      std::function<void(const Checked&)> on_done) override;
    bool in_force_everywhere() const override;

    void reload() { reload_file(); }
    void end_reload();
    void worker_confirmed();
    void drain();
    void stop_accepting_if_due();
    void stop();
    void dump();

    void accept_paused(const std::string& reason);
    void accept_resumed();
    void tell_of_limits();
    void worker_drained();
    void tick();
    admin::ServiceVerdict verdict() const;
    std::string status_line() const;
    void note_overflows();
    void trim_if_due();
    std::string changes_line() const;

    const Options options_;
    const std::string config_path_;  // absolute, for ottoctl
    const std::string unit_ = own_service();
    Loop loop_;
    std::unique_ptr<Mailbox> mailbox_;
    Notifier notifier_;
    Listening listening_;
    Phase phase_ = Phase::starting;
    const TimePoint started_ = now();
    const std::chrono::system_clock::time_point started_at_ = std::chrono::system_clock::now();
    admin::Changes changes_;    // made at run time
    std::string trouble_;       // what is wrong with the file, for people
    bool stands_in_ = false;    // something else for a file that was bad at the start
    std::string port_differs_;  // what is wrong with the sockets
    std::string admin_place_;   // a UNIX socket of the admin API; "": there is none
    std::unique_ptr<ReloadSocket> reload_socket_;
    ConnectionCalls connection_calls_;
    std::size_t connection_line_ = 0;  // of this thread there
    std::shared_ptr<const Snapshot> snapshot_;
    bool adopting_ = false;  // flips are published together afterwards
    bool publish_due_ = false;
    struct News {
        Priority priority;
        const MessageType* type;
        std::string text;
        std::vector<LogField> fields;
    };
    std::vector<News> news_;     // for the log, of what is to be published
    RecordFold fold_;            // of them
    bool healthy_left_ = false;  // as of the last publish()
    bool settling_ = true;       // at Otto's start, until the first verdicts are in
    Roster roster_;
    Monitor monitor_;
    Resolver resolver_;
    std::unique_ptr<http::ConnectionShare> share_;
    std::unique_ptr<QueueShare> queue_share_;
    std::unique_ptr<AccessLog> access_log_;
    tls::Secret sticky_key_{};
    bool sticky_key_kept_ = false;  // in the state directory
    WorkerReports reports_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::unique_ptr<Watchdog> watchdog_;
    admin::Sampler sampler_{*this};
    struct {
        std::uint64_t done = 0, failed = 0;
        bool failed_last = false;
        std::chrono::system_clock::time_point last{};  // that a configuration was taken up
    } loads_;                                          // of the file, by reloads
    std::size_t confirmations_due_ = 0;                // from workers, before a reload is over
    HeapTrim heap_trim_;
    std::string last_status_;
    std::uint64_t overflows_ = 0;  // of the queue, as of the last tick
    TimePoint overflowed_{};       // the last time there were more
    std::size_t paused_ = 0;       // workers that do not accept
    struct {
        std::uint64_t evicted = 0, refused = 0;  // connections, of which the log has a record
        TimePoint last{};
    } limits_told_;
    std::size_t drained_ = 0;
    TimePoint accept_until_{};         // while draining
    std::uint64_t requests_then_ = 0;  // when that was looked at last
    TimePoint drain_until_{};
    Timer settle_timer_;
    Timer tick_timer_;
    Timer accept_timer_;
    std::vector<std::unique_ptr<SignalWatch>> signals_;
    std::unique_ptr<admin::Api> api_;       // null: no socket for it
    ServerChecks server_checks_;            // after the API, which their ends refer to
    std::atomic<unsigned> records_due_{0};  // for its events, in the mailbox; any thread
    struct Tap {
        ~Tap() { set_log_tap(nullptr); }
    };
    std::optional<Tap> tap_;  // last: nothing is tapped any more when the rest goes
};

}  // namespace otto
