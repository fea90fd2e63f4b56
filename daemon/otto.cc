#include "otto.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/cpus.h"
#include "sd/journal.h"
#include "sd/state.h"
#include "version.h"

namespace otto {

namespace {

constexpr int exit_bad_config = 78;  // EX_CONFIG
constexpr int exit_no_socket = 71;   // EX_OSERR
constexpr int exit_failure = 1;

/// How long Otto waits at its start for the first verdict on every server, so that balancing begins
/// with all of them.
constexpr Duration settle_time = std::chrono::seconds(1);
constexpr Duration tick_time = std::chrono::seconds(1);
/// What systemd is asked to wait beyond the next tick while requests are drained.
constexpr Duration drain_margin = std::chrono::seconds(5);
/// File descriptors that are not for connections: loops, sockets, the journal, probes, the
/// libraries' own.
constexpr std::uint64_t reserved_fds = 128;

void log_problems(const LoadedConfig& loaded, const MessageType& type) {
    for (const ConfigProblem& problem : loaded.problems)
        log(Priority::error, &type, problem.text(),
            {{"FILE", problem.file},
             {"LINE", std::to_string(problem.line)},
             {"COLUMN", std::to_string(problem.column)},
             {"POINTER", problem.pointer}});
}

/// Client connections that fit beside one connection to a server each.
std::uint64_t connections_for(const LimitsConfig& limits, std::size_t workers) {
    if (limits.connections != 0) return limits.connections;
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return 0;
    const std::uint64_t reserved = reserved_fds + workers * PipePool::most_descriptors();
    return files.rlim_cur > 2 * reserved ? (files.rlim_cur - reserved) / 2 : files.rlim_cur / 4 + 1;
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

std::vector<std::string> texts(const std::vector<Address>& addresses) {
    std::vector<std::string> list;
    for (const Address& address : addresses) list.push_back(address.text());
    return list;
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

    LoadedConfig loaded = load_config(options.config);
    if (!loaded.ok()) log_problems(loaded, messages::config_invalid_at_start);
    if (!loaded.ok() && sockets->empty()) return exit_bad_config;
    if (sockets->empty()) {
        auto bound = Listening::bind(loaded.config.port);
        if (!bound) return fail(exit_no_socket, bound.error().message + "; nothing to listen on");
        *sockets = std::move(*bound);
    }
    auto loop = Loop::open();
    if (!loop) return fail(exit_failure, loop.error().message);
    auto mailbox = Mailbox::open(*loop);
    if (!mailbox) return fail(exit_failure, mailbox.error().message);

    Otto otto(options, std::move(*loop), std::move(*mailbox), notifier, std::move(*sockets));
    const Status started = otto.start(std::move(loaded));
    if (!started) return fail(exit_failure, started.error().message);
    return otto.loop_.run() ? 0 : fail(exit_failure, "the event loop failed");
}

Otto::Otto(const Options& options, Loop loop, std::unique_ptr<Mailbox> mailbox, Notifier notifier,
           Listening listening)
    : options_(options),
      loop_(std::move(loop)),
      mailbox_(std::move(mailbox)),
      notifier_(notifier),
      listening_(std::move(listening)),
      monitor_(loop_, [this](const Monitor::Flip& flip) { server_flipped(flip); }),
      settle_timer_(loop_, [this] { settle(); }),
      tick_timer_(loop_, [this] { tick(); }) {}

Status Otto::start(LoadedConfig loaded) {
    if (loaded.ok()) {
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

    candidates_ = Candidates::build({}, 0, false);
    adopt(std::move(loaded.config));
    if (monitor_.settled()) {
        settle();
    } else {
        settle_timer_.set_after(settle_time);
    }
    const Status workers = start_workers();
    if (!workers) return workers;

    if (const auto interval = notifier_.watchdog_interval())
        watchdog_ = std::make_unique<Watchdog>(loop_, notifier_, workers_, *interval);
    tick_timer_.set_after(tick_time);
    last_status_ = status_line();
    notifier_.ready(last_status_);
    for (const std::string& address : texts(listening_.addresses()))
        log(Priority::info, nullptr, fmt::format("listening on {}", address),
            {{"ADDRESS", address}});
    log(Priority::notice, &messages::started,
        fmt::format("Otto {} started: {} workers, {} servers", version, workers_.size(),
                    snapshot_->members.size()),
        {{"VERSION", version},
         {"WORKERS", std::to_string(workers_.size())},
         {"SERVERS", std::to_string(snapshot_->members.size())}});
    report_port();
    return {};
}

/// What to serve instead of a file that is bad at start: the last good configuration, or nothing
/// but 503.
LoadedConfig Otto::fall_back(const LoadedConfig& bad) {
    const std::string first = bad.problems.front().text();
    const auto directory = state_directory();
    if (directory) {
        const auto text = load_last_good(*directory);
        if (text) {
            LoadedConfig last = parse_config(*text, *directory + "/last-good.json");
            if (last.ok()) {
                trouble_ = fmt::format("serving the last good configuration, since {}", first);
                log(Priority::error, &messages::config_invalid_at_start,
                    "serving the last good configuration; mend the file, then reload");
                return last;
            }
        }
    }
    trouble_ = fmt::format("answering 503, since {}", first);
    log(Priority::error, &messages::config_invalid_at_start,
        "answering 503 to everything; mend the file, then reload");
    return {};
}

Status Otto::start_workers() {
    const unsigned configured = snapshot_->config.workers;
    const unsigned count = configured != 0 ? configured : usable_cpus();
    share_ = std::make_unique<http::ConnectionShare>(count);
    share_->limit.store(connections_for(snapshot_->config.limits, share_->open.size()),
                        std::memory_order_relaxed);
    reports_ = {
        .on_taken_out = [this](std::uint64_t server,
                               const std::string& reason) { taken_out(server, reason); },
        .on_accept_paused = [this](unsigned, const std::string& reason) { accept_paused(reason); },
        .on_accept_resumed = [this](unsigned) { accept_resumed(); },
        .on_drained = [this](unsigned) { worker_drained(); },
    };
    for (unsigned index = 0; index < count; ++index) {
        auto sockets = listening_.duplicate();
        if (!sockets) return sockets.error();
        auto worker = Worker::open({*mailbox_, reports_, *share_, count}, index,
                                   std::move(*sockets), snapshot_, candidates_);
        if (!worker) return worker.error();
        workers_.push_back(std::move(*worker));
    }
    for (const auto& worker : workers_) worker->start();
    phase_ = Phase::running;
    return {};
}

// ---- configuration and health ------------------------------------------------------------------

void Otto::adopt(Config config) {
    SnapshotBuild build = make_snapshot(std::move(config), snapshot_.get());
    for (const auto& [server, reason] : build.unresolved)
        log(Priority::warning, nullptr, fmt::format("server {}: {}", server, reason),
            {{"SERVER", server}});
    snapshot_ = std::move(build.snapshot);
    std::vector<std::shared_ptr<Server>> servers;
    for (const Member& member : snapshot_->members) servers.push_back(member.server);
    adopting_ = true;
    monitor_.watch(servers, snapshot_->config.health_check);
    adopting_ = false;
    if (share_)
        share_->limit.store(connections_for(snapshot_->config.limits, share_->open.size()),
                            std::memory_order_relaxed);
    publish();
}

/// Hands the workers the snapshot and who of it is healthy; at Otto's start not before all are
/// judged, or time is up.
void Otto::publish() {
    if (!settling_)
        candidates_ = Candidates::build(snapshot_->members, *candidates_, monitor_.settled());
    for (const auto& worker : workers_) worker->apply(snapshot_, candidates_);
}

/// After the callbacks of this turn of the loop: thousands of servers may flip together.
void Otto::publish_soon() {
    if (std::exchange(publish_due_, true)) return;
    mailbox_->post([this] {
        publish_due_ = false;
        publish();
    });
}

void Otto::settle() {
    settle_timer_.cancel();
    settling_ = false;
    publish();
}

void Otto::server_flipped(const Monitor::Flip& flip) {
    const std::string name = name_of(flip.server);
    const bool up = flip.to == Health::healthy;
    log(up ? Priority::notice : Priority::warning,
        up ? &messages::server_healthy : &messages::server_unhealthy,
        fmt::format("server {} is {}: {}", name, to_string(flip.to), flip.reason),
        {{"SERVER", flip.server.url},
         {"NAME", name},
         {"FROM", to_string(flip.from)},
         {"TO", to_string(flip.to)},
         {"REASON", flip.reason}});
    if (adopting_) return;
    if (!settling_) {
        publish_soon();
    } else if (monitor_.settled()) {
        settle();
    }
    if (!up && monitor_.settled() && healthy_servers() == 0)
        log(Priority::critical, &messages::no_server_left,
            "no server is healthy: requests are answered with 503");
}

void Otto::taken_out(std::uint64_t server, const std::string& reason) {
    const auto member = std::ranges::find_if(
        snapshot_->members, [server](const Member& each) { return each.server->id == server; });
    if (member != snapshot_->members.end()) monitor_.taken_out(*member->server, reason);
}

std::string Otto::name_of(const Server& server) const {
    for (const Member& member : snapshot_->members)
        if (member.server.get() == &server) return member.name;
    return server.url;
}

std::size_t Otto::healthy_servers() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        snapshot_->members,
        [](const Member& member) { return member.server->health() == Health::healthy; }));
}

void Otto::keep_last_good(const std::string& source) const {
    const auto directory = state_directory();
    if (!directory) return;
    const Status saved = save_last_good(*directory, source);
    if (!saved)
        log(Priority::warning, nullptr,
            "cannot keep the configuration as the last good one: " + saved.error().message);
}

void Otto::reload() {
    if (phase_ != Phase::running) return;
    notifier_.reloading();
    LoadedConfig loaded = load_config(options_.config);
    if (!loaded.ok()) {
        log_problems(loaded, messages::reload_failed);
        log(Priority::error, &messages::reload_failed,
            fmt::format("{} is not applied; generation {} goes on", options_.config,
                        snapshot_->generation));
        last_status_ = status_line();
        notifier_.ready(last_status_);
        return;
    }
    keep_last_good(loaded.source);
    trouble_.clear();
    const Config& before = snapshot_->config;
    if (loaded.config.workers != before.workers)
        log(Priority::notice, nullptr, "a change of \"workers\" takes effect at the next restart");
    if (!listening_.from_systemd() && loaded.config.port != before.port)
        log(Priority::notice, nullptr, "a change of \"port\" takes effect at the next restart");
    adopt(std::move(loaded.config));
    log(Priority::notice, &messages::reload_done,
        fmt::format("reloaded {}: generation {}, {} servers", options_.config,
                    snapshot_->generation, snapshot_->members.size()),
        {{"GENERATION", std::to_string(snapshot_->generation)},
         {"SERVERS", std::to_string(snapshot_->members.size())}});
    report_port();
    last_status_ = status_line();
    notifier_.ready(last_status_);
}

void Otto::report_port() {
    port_differs_.clear();
    if (!listening_.from_systemd() || same_port(snapshot_->config.port, listening_.addresses()))
        return;
    port_differs_ = describe_difference(snapshot_->config.port, texts(listening_.addresses()));
    log(Priority::warning, &messages::port_differs, port_differs_,
        {{"COMMANDS", commands_for(snapshot_->config.port)}});
}

// ---- reports -----------------------------------------------------------------------------------

void Otto::accept_paused(const std::string& reason) {
    if (paused_++ == 0)
        log(Priority::warning, &messages::accept_paused,
            "no new connections are accepted for now: " + reason, {{"REASON", reason}});
}

void Otto::accept_resumed() {
    if (--paused_ == 0)
        log(Priority::notice, &messages::accept_resumed, "new connections are accepted again");
}

void Otto::tick() {
    tick_timer_.set_after(tick_time);
    rate_.sample(sum(workers_, &WorkerCounters::requests), coarse_now());
    if (phase_ == Phase::draining) {
        if (coarse_now() >= drain_until_) {
            log(Priority::warning, nullptr,
                fmt::format("{} connections are cut off: the time to drain is over",
                            sum(workers_, &WorkerCounters::connections)));
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

std::string Otto::status_line() const {
    if (phase_ == Phase::draining)
        return fmt::format("Draining: {} connections left",
                           sum(workers_, &WorkerCounters::connections));
    std::string line = fmt::format("{}/{} servers healthy, {:.0f} requests/s, {} connections",
                                   healthy_servers(), snapshot_->members.size(), rate_.per_second(),
                                   sum(workers_, &WorkerCounters::connections));
    if (!trouble_.empty()) line += "; " + trouble_;
    if (!port_differs_.empty()) line += "; " + port_differs_;
    return line;
}

void Otto::dump() {
    for (const auto& worker : workers_) {
        const WorkerCounters& counters = worker->counters();
        log(Priority::debug, nullptr,
            fmt::format(
                "worker {}: {} connections, {} requests, {} retries, {} aborted, {} cut off",
                worker->index(), counters.connections.load(), counters.requests.load(),
                counters.retries.load(), counters.aborted.load(), counters.cut.load()));
    }
}

// ---- the end -----------------------------------------------------------------------------------

/// The first signal lets requests finish, a second one does not.
void Otto::drain() {
    if (phase_ != Phase::running) {
        stop();
        return;
    }
    phase_ = Phase::draining;
    drain_until_ = coarse_now() + snapshot_->config.timeouts.drain;
    last_status_ = status_line();
    notifier_.stopping(last_status_);
    notifier_.extend_timeout(tick_time + drain_margin);
    listening_.close();
    for (const auto& worker : workers_) worker->drain();
}

void Otto::worker_drained() {
    if (++drained_ == workers_.size()) stop();
}

void Otto::stop() {
    if (phase_ == Phase::stopped) return;
    phase_ = Phase::stopped;
    tick_timer_.cancel();
    const std::uint64_t cut_off = sum(workers_, &WorkerCounters::connections);
    for (const auto& worker : workers_) worker->stop();
    log(Priority::notice, &messages::stopped,
        fmt::format("Otto stopped after {} requests, {} connections were cut off",
                    sum(workers_, &WorkerCounters::requests), cut_off),
        {{"REQUESTS", std::to_string(sum(workers_, &WorkerCounters::requests))},
         {"CUT_OFF", std::to_string(cut_off)}});
    loop_.stop();
}

}  // namespace otto
