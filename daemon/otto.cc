#include "otto.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/cpus.h"
#include "base/phrases.h"
#include "quick_start.h"
#include "sd/journal.h"
#include "sd/log_thread.h"
#include "sd/state.h"
#include "version.h"

namespace otto {

namespace {

constexpr int exit_bad_config = 78;  // EX_CONFIG
constexpr int exit_no_socket = 71;   // EX_OSERR
constexpr int exit_failure = 1;

/// How long Otto waits at its start for the first verdict on every server, so that balancing begins
/// with all of them. Well below the second that requests wait for a server, so that one that hangs,
/// or a name that is not answered, never makes them fail while another server is there.
constexpr Duration settle_time = std::chrono::milliseconds(500);
constexpr Duration tick_time = std::chrono::seconds(1);
/// How long Otto goes on accepting once it is to stop, so that clients move from their kept
/// connections to new ones, and none sends a request just when its connection is closed.
constexpr Duration last_accepts_time = std::chrono::seconds(1);
/// It ends early when no connection is open and no request has come for so long.
constexpr Duration quiet_time = std::chrono::milliseconds(100);
/// What systemd is asked to wait beyond the next tick while requests are drained: for the end of
/// the workers, and for three seconds each that the logs may take for what is left.
constexpr Duration drain_margin = std::chrono::seconds(10);
std::string absolute_path(const std::string& file) {
    std::error_code unknown;
    const auto path = std::filesystem::absolute(file, unknown);
    return unknown ? file : path.lexically_normal().string();
}

void raise_fd_limit() {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

std::uint64_t sum(const std::vector<std::unique_ptr<Worker>>& workers,
                  std::atomic<std::uint64_t> WorkerCounters::*counter) {
    std::uint64_t total = 0;
    for (const auto& worker : workers)
        total += (worker->counters().*counter).load(std::memory_order_relaxed);
    return total;
}

std::string nothing_to_listen_on(const Error& error) {
    const std::string service = own_service();
    std::string text = error.message + "; nothing to listen on";
    if (!service.empty())
        text +=
            fmt::format("; to make systemd listen: systemctl start {}", socket_unit_of(service));
    return text;
}

}  // namespace

// ---- start -------------------------------------------------------------------------------------

int Otto::run(const Options& options) {
    Notifier notifier = Notifier::from_environment();
    raise_fd_limit();
    const auto fail = [](int code, const std::string& message) {
        log(Priority::critical, nullptr, message);
        return code;
    };
    auto sockets = Listening::adopt();
    if (!sockets) return fail(exit_no_socket, sockets.error().message);
    // From here on the environment stays as it is, and there may be threads.
    const auto log_thread = LogThread::start();
    if (!log_thread) return fail(exit_failure, log_thread.error().message);

    LoadedConfig loaded = load_config(options);
    if (!loaded.ok()) log_problems(loaded, messages::config_invalid_at_start);
    if (!loaded.ok() && sockets->empty()) return exit_bad_config;
    std::vector<UniqueFd> admin_sockets = sockets->take_admin();
    if (sockets->empty()) {
        auto bound = Listening::bind(loaded.config.port);
        if (!bound) return fail(exit_no_socket, nothing_to_listen_on(bound.error()));
        *sockets = std::move(*bound);
        if (admin_sockets.empty()) {
            for (const std::string& port : loaded.config.admin.port) {
                auto admin = Listening::bind_admin(port);
                if (!admin) return fail(exit_no_socket, admin.error().message);
                admin_sockets.push_back(std::move(*admin));
            }
        }
    }
    auto loop = Loop::open();
    if (!loop) return fail(exit_failure, loop.error().message);
    auto mailbox = Mailbox::open(*loop);
    if (!mailbox) return fail(exit_failure, mailbox.error().message);

    Otto otto(options, std::move(*loop), std::move(*mailbox), notifier, std::move(*sockets));
    const Status started = otto.start(std::move(loaded), std::move(admin_sockets));
    if (!started) return fail(exit_failure, started.error().message);
    return otto.loop_.run() ? 0 : fail(exit_failure, "the event loop failed");
}

Otto::Otto(const Options& options, Loop loop, std::unique_ptr<Mailbox> mailbox, Notifier notifier,
           Listening listening)
    : options_(options),
      config_path_(options.servers.empty() ? absolute_path(options.config) : ""),
      loop_(std::move(loop)),
      mailbox_(std::move(mailbox)),
      notifier_(notifier),
      listening_(std::move(listening)),
      changes_(state_directory(), options.config),
      roster_(loop_,
              {.on_change = [this] { publish_soon(); },
               .on_ejected =
                   [this](const Member& member, const Ejections::Ejected& ejected,
                          const std::string& reason) { server_ejected(member, ejected, reason); },
               .on_back = [this](const Member& member,
                                 const std::string& reason) { server_back(member, reason); }}),
      monitor_(
          loop_, [this](const Monitor::Flip& flip) { server_flipped(flip); },
          [this](const Server& server) { roster_.check_passed(server); }),
      resolver_(loop_, *mailbox_,
                {.on_change = [this] { names_changed(); },
                 .on_news = [this](const Resolver::News& news) { name_news(news); }},
                Resolver::ask_system, {}),
      settle_timer_(loop_, [this] { settle(); }),
      tick_timer_(loop_, [this] { tick(); }),
      accept_timer_(loop_, [this] { stop_accepting_if_due(); }),
      server_checks_(loop_, *mailbox_) {
    const auto look = [this] {
        connection_calls_.looks(connection_line_);
        monitor_.place_freed();
    };
    connection_line_ =
        connection_calls_.add({.close_idle = {}, .freed = [this, look] { mailbox_->post(look); }});
}

Status Otto::start(LoadedConfig loaded, std::vector<UniqueFd> admin_sockets) {
    if (!admin_sockets.empty()) tap_log();
    loads_.failed_last = !loaded.ok();
    if (loaded.ok()) {
        loads_.last = started_at_;
        keep_last_good(loaded.source);
    } else {
        loaded = fall_back(loaded);
    }
    const std::pair<int, void (Otto::*)()> actions[] = {{SIGHUP, &Otto::reload},
                                                        {SIGTERM, &Otto::drain},
                                                        {SIGINT, &Otto::drain},
                                                        {SIGUSR1, &Otto::dump}};
    for (const auto& action : actions) {
        const auto then = action.second;
        auto watch = SignalWatch::open(loop_, action.first, [this, then] { (this->*then)(); });
        if (!watch) return watch.error();
        signals_.push_back(std::move(*watch));
    }
    signal(SIGPIPE, SIG_IGN);

    changes_.load();
    if (!loaded.source.empty()) loaded = changes_.lay_over_file(std::move(loaded));
    const Status key = load_sticky_key();
    if (!key) return key;
    adopt(std::move(loaded.config));
    if (monitor_.settled()) {
        settle();
    } else {
        settle_timer_.set_after(settle_time);
    }
    const Status workers = start_workers();
    if (!workers) return workers;
    const Status admin = open_admin(std::move(admin_sockets));
    if (!admin) return admin;
    open_reload_socket();

    if (const auto interval = notifier_.watchdog_interval())
        watchdog_ = std::make_unique<Watchdog>(loop_, notifier_, workers_, *interval);
    tick_timer_.set_after(tick_time);
    last_status_ = status_line();
    notifier_.ready(last_status_);
    for (const std::string& address : listening_.texts())
        log(Priority::info, nullptr, fmt::format("listening on {}", address),
            {{"ADDRESS", address}});
    log(Priority::notice, &messages::started,
        fmt::format("Otto {} started: {} {}, {} {}", version, workers_.size(),
                    workers_.size() == 1 ? "worker" : "workers", snapshot_->members().size(),
                    snapshot_->members().size() == 1 ? "server" : "servers"),
        {{"VERSION", version},
         {"WORKERS", std::to_string(workers_.size())},
         {"SERVERS", std::to_string(snapshot_->members().size())}});
    report_port();
    return {};
}

Status Otto::start_workers() {
    const unsigned configured = snapshot_->config.workers;
    const unsigned count = configured != 0 ? configured : usable_cpus();
    share_ = std::make_unique<http::ConnectionShare>(count);
    queue_share_ = std::make_unique<QueueShare>(count);
    limit_connections();
    reports_ = {
        .on_taken_out = [this](std::uint64_t server,
                               const std::string& reason) { taken_out(server, reason); },
        .on_errors = [this](std::uint64_t server,
                            unsigned errors) { roster_.errors_in_a_row(server, errors); },
        .on_answered = [this](std::uint64_t server) { answered(server); },
        .on_trial = [this](std::uint64_t server,
                           bool passed) { roster_.trial_ended(server, passed); },
        .on_accept_paused = [this](unsigned, const std::string& reason) { accept_paused(reason); },
        .on_accept_resumed = [this](unsigned) { accept_resumed(); },
        .on_confirmed = [this](unsigned) { worker_confirmed(); },
        .on_drained = [this](unsigned) { worker_drained(); },
    };
    auto access_log = AccessLog::open(count);
    if (!access_log) return access_log.error();
    access_log_ = std::move(*access_log);
    access_log_->configure(snapshot_->config.access_log);
    for (unsigned index = 0; index < count; ++index) {
        auto sockets = listening_.duplicate();
        if (!sockets) return sockets.error();
        auto worker = Worker::open({*mailbox_, reports_, *share_, count, *queue_share_,
                                    connection_calls_, sticky_key_, access_log_->desk()},
                                   index, std::move(*sockets), snapshot_);
        if (!worker) return worker.error();
        workers_.push_back(std::move(*worker));
    }
    for (const auto& worker : workers_) {
        const Status started = worker->start();
        if (!started) return started;
    }
    phase_ = Phase::running;
    return {};
}

// ---- reports -----------------------------------------------------------------------------------

void Otto::tick() {
    tick_timer_.set_after(tick_time);
    publish_if_due();
    tell_of_limits();
    log_rest();
    trim_if_due();
    note_overflows();
    sampler_.tick(now());
    if (api_) api_->events().tick(now());
    if (phase_ == Phase::draining) {
        if (coarse_now() >= drain_until_) {
            log(Priority::warning, nullptr,
                fmt::format("cutting off {}: timeouts.drain has passed",
                            counted(sum(workers_, &WorkerCounters::connections), "connection")));
            stop();
            return;
        }
        notifier_.extend_timeout(tick_time + drain_margin);
    }
    std::string line = status_line();
    if (line == last_status_) return;
    notifier_.status(line);
    last_status_ = std::move(line);
}

/// A crowd of clients may come and go between two ticks.
void Otto::trim_if_due() {
    std::uint64_t most = 0;
    for (const auto& worker : workers_) most += worker->take_most_connections();
    if (heap_trim_.due(coarse_now(), sum(workers_, &WorkerCounters::connections), most))
        trim_heap();
}

std::string Otto::status_line() const {
    if (phase_ == Phase::draining)
        return fmt::format("Draining: {} left",
                           counted(sum(workers_, &WorkerCounters::connections), "connection"));
    std::string line = fmt::format(
        "{}, {:.0f} requests/s, {}", roster_line(), sampler_.total().requests_per_second,
        counted(sum(workers_, &WorkerCounters::connections), "connection"));
    switch (roster_.service()) {
        case Roster::Service::normal:
            break;
        case Roster::Service::failing_open:
            line += "; failing open";
            break;
        case Roster::Service::nobody:
            line += fmt::format("; {}, answering 503", why_unavailable(snapshot_->pools.front()));
            break;
    }
    for (const std::string& note : verdict().notes) line += "; " + note;
    return line;
}

/// What the status line, the page and ottoctl say about the whole.
admin::ServiceVerdict Otto::verdict() const {
    constexpr Duration of_late = std::chrono::seconds(10);
    const admin::Sample& rates = sampler_.total();
    admin::ServiceFacts facts{
        .draining = phase_ == Phase::draining,
        .connections = sum(workers_, &WorkerCounters::connections),
        .total = snapshot_->members().size(),
        .ejected = roster_.ejections().count(),
        .failing_open = roster_.service() == Roster::Service::failing_open,
        .nobody = roster_.service() == Roster::Service::nobody,
        .requests_per_second = rates.requests_per_second,
        .errors_per_second = rates.errors_per_second,
        .queue_full = overflowed_ != TimePoint{} && now() - overflowed_ < of_late,
        .access_log_bad = access_log_ && access_log_->bad(),
        .file_error = trouble_,
        .changes = changes_line(),
        .port = port_differs_};
    for (const Member& member : snapshot_->members()) {
        const Health health = member.server->health();
        if (snapshot_->candidates().share_of(*member.server) > 0) ++facts.receiving;
        const bool drained = member.state == ServerState::drain ||
                             (member.state == ServerState::active && member.weight == 0);
        if (drained) ++facts.drained;
        if (member.state == ServerState::disabled) ++facts.disabled;
        if (drained || member.state == ServerState::disabled) continue;
        if (health == Health::unhealthy) ++facts.unhealthy;
        if (health == Health::unknown) ++facts.unknown;
    }
    return admin::verdict_of(facts);
}

void Otto::note_overflows() {
    const std::uint64_t overflows = sum(workers_, &WorkerCounters::queue_overflows);
    if (overflows != overflows_) overflowed_ = now();
    overflows_ = overflows;
}

/// What an operator is to know about run-time changes; often "".
std::string Otto::changes_line() const {
    const auto some = [](const auto& list, auto name) {
        constexpr std::size_t most = 3;
        std::string text;
        for (std::size_t at = 0; at < list.size() && at < most; ++at)
            text += (at == 0 ? "" : ", ") + std::string(name(list[at]));
        if (list.size() > most) text += fmt::format(" and {} more", list.size() - most);
        return text;
    };
    std::string line;
    if (const auto& misfits = changes_.misfits(); !misfits.empty())
        line = fmt::format("{} run-time {} not applied: {}", misfits.size(),
                           misfits.size() == 1 ? "change is" : "changes are",
                           some(misfits, [](const admin::Fit::Misfit& misfit) {
                               return misfit.change.pointer.substr(1);
                           }));
    if (const auto& hidden = changes_.hidden(); !hidden.empty())
        line += std::string(line.empty() ? "" : "; ") +
                "run-time changes override these keys of the file: " +
                some(hidden, [](const std::string& key) { return key; });
    return line;
}

void Otto::dump() {
    for (const auto& worker : workers_) {
        const WorkerCounters& counters = worker->counters();
        log(Priority::debug, nullptr,
            fmt::format("worker {}: {}, {}, {} retried, {} aborted, {} cut off, {} queued, "
                        "{} queue timeouts, {} queue overflows",
                        worker->index(), counted(counters.connections.load(), "connection"),
                        counted(counters.requests.load(), "request"), counters.retries.load(),
                        counters.aborted.load(), counters.cut.load(), counters.queued.load(),
                        counters.queue_timeouts.load(), counters.queue_overflows.load()));
    }
}

// ---- the end -----------------------------------------------------------------------------------

/// The first signal lets requests finish, a second one does not.
///
/// At first each reply carries "Connection: close", and all else goes on. New connections wait in
/// the socket once Otto no longer accepts them.
void Otto::drain() {
    if (phase_ != Phase::running) {
        stop();
        return;
    }
    phase_ = Phase::draining;
    const Duration limit = snapshot_->config.timeouts.drain;
    drain_until_ = coarse_now() + limit;
    accept_until_ = coarse_now() + std::min(limit, last_accepts_time);
    requests_then_ = sum(workers_, &WorkerCounters::requests);
    accept_timer_.set_after(std::min(limit, quiet_time));
    for (const auto& worker : workers_) worker->end_keep_alive();
    last_status_ = status_line();
    notifier_.stopping(last_status_);
    notifier_.extend_timeout(tick_time + drain_margin);
}

void Otto::stop_accepting_if_due() {
    const std::uint64_t requests = sum(workers_, &WorkerCounters::requests);
    const bool quiet = requests == std::exchange(requests_then_, requests) &&
                       sum(workers_, &WorkerCounters::connections) == 0;
    const TimePoint time = coarse_now();
    if (!quiet && time < accept_until_) {
        accept_timer_.set(std::min(time + quiet_time, accept_until_));
        return;
    }
    for (const auto& worker : workers_) worker->drain();
    listening_.close();
}

void Otto::worker_drained() {
    if (++drained_ == workers_.size()) stop();
}

void Otto::stop() {
    if (phase_ == Phase::stopped) return;
    phase_ = Phase::stopped;
    tick_timer_.cancel();
    accept_timer_.cancel();
    if (api_) api_->events().close();
    const std::uint64_t cut_off = sum(workers_, &WorkerCounters::connections);
    for (const auto& worker : workers_) worker->stop();
    log_news();
    log_rest();
    log(Priority::notice, &messages::stopped,
        fmt::format("Otto stopped after {}, {} cut off",
                    counted(sum(workers_, &WorkerCounters::requests), "request"),
                    counted(cut_off, "connection")),
        {{"REQUESTS", std::to_string(sum(workers_, &WorkerCounters::requests))},
         {"CUT_OFF", std::to_string(cut_off)}});
    loop_.stop();
}

}  // namespace otto
