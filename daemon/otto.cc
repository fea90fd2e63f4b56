#include "otto.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/cpus.h"
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
/// What systemd is asked to wait beyond the next tick while requests are drained.
constexpr Duration drain_margin = std::chrono::seconds(5);
/// In the state directory.
constexpr std::string_view sticky_key_file = "sticky.key";
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
    // From here on the environment stays as it is, and there may be threads.
    const auto log_thread = LogThread::start();
    if (!log_thread) return fail(exit_failure, log_thread.error().message);

    LoadedConfig loaded = load_config(options.config);
    if (!loaded.ok()) log_problems(loaded, messages::config_invalid_at_start);
    if (!loaded.ok() && sockets->empty()) return exit_bad_config;
    std::vector<UniqueFd> admin_sockets = sockets->take_admin();
    if (sockets->empty()) {
        auto bound = Listening::bind(loaded.config.port);
        if (!bound) return fail(exit_no_socket, bound.error().message + "; nothing to listen on");
        *sockets = std::move(*bound);
        const std::string& admin_port = loaded.config.admin.port;
        if (admin_sockets.empty() && !admin_port.empty()) {
            auto admin = Listening::bind_admin(admin_port);
            if (!admin) return fail(exit_no_socket, admin.error().message);
            admin_sockets.push_back(std::move(*admin));
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
      loop_(std::move(loop)),
      mailbox_(std::move(mailbox)),
      notifier_(notifier),
      listening_(std::move(listening)),
      changes_(state_directory()),
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
      tick_timer_(loop_, [this] { tick(); }) {}

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
    candidates_ = Candidates::build({}, {.settled = false}, 0);
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
    queue_share_ = std::make_unique<QueueShare>(count);
    share_->limit.store(connections_for(snapshot_->config.limits, share_->open.size()),
                        std::memory_order_relaxed);
    reports_ = {
        .on_taken_out = [this](std::uint64_t server,
                               const std::string& reason) { taken_out(server, reason); },
        .on_errors = [this](std::uint64_t server,
                            unsigned errors) { roster_.errors_in_a_row(server, errors); },
        .on_trial = [this](std::uint64_t server,
                           bool passed) { roster_.trial_ended(server, passed); },
        .on_accept_paused = [this](unsigned, const std::string& reason) { accept_paused(reason); },
        .on_accept_resumed = [this](unsigned) { accept_resumed(); },
        .on_drained = [this](unsigned) { worker_drained(); },
    };
    auto access_log = AccessLog::open(count);
    if (!access_log) return access_log.error();
    access_log_ = std::move(*access_log);
    access_log_->configure(snapshot_->config.access_log);
    for (unsigned index = 0; index < count; ++index) {
        auto sockets = listening_.duplicate();
        if (!sockets) return sockets.error();
        auto worker = Worker::open(
            {*mailbox_, reports_, *share_, count, *queue_share_, sticky_key_, access_log_->desk()},
            index, std::move(*sockets), snapshot_, candidates_);
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

// ---- configuration and health ------------------------------------------------------------------

void Otto::adopt(Config config) {
    if (config.sticky.enabled) keep_sticky_key();
    resolver_.watch(names_of(config));
    take_up(make_snapshot(std::move(config), snapshot_.get(), resolver_.answers()));
}

void Otto::take_up(SnapshotBuild build) {
    snapshot_ = std::move(build.snapshot);
    std::vector<std::shared_ptr<Server>> servers;
    for (const Member& member : snapshot_->members) {
        if (member.state != ServerState::disabled) {
            servers.push_back(member.server);
        } else {
            member.server->set_health(Health::unknown);
        }
    }
    adopting_ = true;
    roster_.adopt({snapshot_, &snapshot_->members}, snapshot_->config);
    monitor_.watch(servers, snapshot_->config.health_check);
    for (const auto& [server, reason] : build.unresolved) monitor_.unresolved(*server, reason);
    adopting_ = false;
    if (share_)
        share_->limit.store(connections_for(snapshot_->config.limits, share_->open.size()),
                            std::memory_order_relaxed);
    if (access_log_) access_log_->configure(snapshot_->config.access_log);
    publish();
}

/// The same configuration, with what is known about names now.
void Otto::names_changed() {
    SnapshotBuild build = renew_snapshot(*snapshot_, resolver_.answers());
    if (!build.snapshot) {
        for (const auto& [server, reason] : build.unresolved) monitor_.unresolved(*server, reason);
        return;
    }
    take_up(std::move(build));
    if (settling_ && monitor_.settled()) settle();
}

void Otto::name_news(const Resolver::News& news) {
    std::string list;
    for (const Address& address : news.answer.addresses)
        list += (list.empty() ? "" : ", ") + address.ip();
    switch (news.kind) {
        case Resolver::News::Kind::moved:
            log(Priority::notice, &messages::name_moved,
                fmt::format("name {} leads to {} now", news.name, list),
                {{"HOST", news.name}, {"ADDRESSES", list}});
            return;
        case Resolver::News::Kind::stale:
            log(Priority::warning, &messages::name_stale,
                fmt::format("name {} cannot be looked up, its last addresses stay in use: {}",
                            news.name, news.answer.trouble),
                {{"HOST", news.name}, {"ADDRESSES", list}, {"REASON", news.answer.trouble}});
            return;
        case Resolver::News::Kind::fresh:
            log(Priority::notice, &messages::name_fresh,
                fmt::format("name {} can be looked up again", news.name),
                {{"HOST", news.name}, {"ADDRESSES", list}});
            return;
    }
}

/// Hands the workers the snapshot and who of it gets requests; at Otto's start not before all are
/// judged, or time is up.
void Otto::publish() {
    const Roster::Service before = roster_.service();
    if (!settling_) candidates_ = roster_.build(*candidates_, monitor_.settled());
    for (const auto& worker : workers_) worker->apply(snapshot_, candidates_);
    if (roster_.service() != before) service_changed();
}

/// After the callbacks of this turn of the loop: thousands of servers may flip together.
void Otto::publish_soon() {
    if (settling_ || std::exchange(publish_due_, true)) return;
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
    if (up && !flip.first) roster_.recovered(flip.server);
    // A name may have other addresses to go to by now.
    if (!up && !resolver_.answers().empty()) resolver_.announce();
    if (adopting_) return;
    if (!settling_) {
        publish_soon();
    } else if (monitor_.settled()) {
        settle();
    }
}

void Otto::taken_out(std::uint64_t server, const std::string& reason) {
    if (const Member* member = roster_.find(server)) monitor_.taken_out(*member->server, reason);
}

void Otto::server_ejected(const Member& member, const Ejections::Ejected& ejected,
                          const std::string& reason) {
    member.server->metrics->ejections.add();
    const std::string time = text_of(ejected.length);
    log(Priority::warning, &messages::server_ejected,
        fmt::format("server {} is ejected for {}: {}", member.name, time, reason),
        {{"SERVER", member.server->url},
         {"NAME", member.name},
         {"REASON", reason},
         {"TIME", time},
         {"TIMES", std::to_string(ejected.times)}});
}

void Otto::server_back(const Member& member, const std::string& reason) {
    log(Priority::notice, &messages::server_back,
        fmt::format("server {} is back from its ejection: {}", member.name, reason),
        {{"SERVER", member.server->url}, {"NAME", member.name}, {"REASON", reason}});
}

void Otto::service_changed() {
    const std::string count = std::to_string(candidates_->size());
    switch (roster_.service()) {
        case Roster::Service::normal:
            log(Priority::notice, &messages::fail_open_over,
                fmt::format("requests go to healthy servers again: {}", count),
                {{"SERVERS", count}});
            return;
        case Roster::Service::failing_open:
            log(Priority::critical, &messages::failing_open,
                fmt::format("failing open: no healthy server is left, requests go to {} that might "
                            "answer",
                            count),
                {{"SERVERS", count}});
            return;
        case Roster::Service::nobody:
            log(Priority::critical, &messages::no_server_left,
                "no server is left that might answer: requests are answered with 503");
            return;
    }
}

std::string Otto::name_of(const Server& server) const {
    const Member* member = roster_.find(server.id);
    return member != nullptr ? member->name : server.url;
}

/// "3/5 servers healthy (1 ejected, 1 drained)".
std::string Otto::roster_line() const {
    std::size_t healthy = 0;
    std::size_t drained = 0;
    std::size_t disabled = 0;
    for (const Member& member : snapshot_->members) {
        if (member.server->health() == Health::healthy) ++healthy;
        if (member.state == ServerState::drain) ++drained;
        if (member.state == ServerState::disabled) ++disabled;
    }
    std::string more;
    const auto add = [&more](std::size_t count, std::string_view what) {
        if (count == 0) return;
        more += fmt::format("{}{} {}", more.empty() ? " (" : ", ", count, what);
    };
    add(roster_.ejections().count(), "ejected");
    add(drained, "drained");
    add(disabled, "disabled");
    return fmt::format("{}/{} servers healthy{}{}", healthy, snapshot_->members.size(), more,
                       more.empty() ? "" : ")");
}

void Otto::keep_last_good(const std::string& source) const {
    const auto directory = state_directory();
    if (!directory) return;
    const Status saved = save_last_good(*directory, source);
    if (!saved)
        log(Priority::warning, nullptr,
            "cannot keep the configuration as the last good one: " + saved.error().message);
}

/// The key of before, so that cookies stay valid over restarts, or else a new one.
Status Otto::load_sticky_key() {
    if (const auto directory = state_directory()) {
        const auto kept = load_state(*directory, sticky_key_file);
        if (kept && kept->size() == sticky_key_.size()) {
            std::copy(kept->begin(), kept->end(), sticky_key_.begin());
            sticky_key_kept_ = true;
            return {};
        }
        if (kept || kept.error().number != ENOENT)
            log(Priority::warning, nullptr,
                "the key of the sticky cookies cannot be used, clients get new ones: " +
                    (kept ? "it has a wrong length" : kept.error().message));
    }
    auto made = tls::make_secret();
    if (!made) return made.error();
    sticky_key_ = *made;
    return {};
}

/// Once it is used.
void Otto::keep_sticky_key() {
    const auto directory = state_directory();
    if (!directory || sticky_key_kept_) return;
    const Status saved = save_state(*directory, sticky_key_file,
                                    std::string(sticky_key_.begin(), sticky_key_.end()));
    sticky_key_kept_ = true;
    if (!saved)
        log(Priority::warning, nullptr,
            "sticky cookies will not be valid after a restart: " + saved.error().message);
}

std::vector<ConfigProblem> Otto::reload_file() {
    // Whatever is in the file: it is logrotate that asks, as a rule.
    if (access_log_) access_log_->reopen();
    if (phase_ != Phase::running) return {{options_.config, 0, 0, "", "Otto is stopping"}};
    notifier_.reloading();
    LoadedConfig loaded = load_config(options_.config);
    loads_.failed_last = !loaded.ok();
    if (!loaded.ok()) {
        ++loads_.failed;
        log_problems(loaded, messages::reload_failed);
        log(Priority::error, &messages::reload_failed,
            fmt::format("{} is not applied; generation {} goes on", options_.config,
                        snapshot_->generation));
        last_status_ = status_line();
        notifier_.ready(last_status_);
        return std::move(loaded.problems);
    }
    ++loads_.done;
    loads_.last = std::chrono::system_clock::now();
    keep_last_good(loaded.source);
    trouble_.clear();
    loaded = changes_.lay_over_file(std::move(loaded));
    note_what_waits(loaded.config);
    adopt(std::move(loaded.config));
    log(Priority::notice, &messages::reload_done,
        fmt::format("reloaded {}: generation {}, {} servers", options_.config,
                    snapshot_->generation, snapshot_->members.size()),
        {{"GENERATION", std::to_string(snapshot_->generation)},
         {"SERVERS", std::to_string(snapshot_->members.size())}});
    report_port();
    last_status_ = status_line();
    notifier_.ready(last_status_);
    return {};
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
    sampler_.tick(now());
    if (api_) api_->events().tick(now());
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
    std::string line = fmt::format("{}, {:.0f} requests/s, {} connections", roster_line(),
                                   rate_.per_second(), sum(workers_, &WorkerCounters::connections));
    switch (roster_.service()) {
        case Roster::Service::normal:
            break;
        case Roster::Service::failing_open:
            line += "; failing open";
            break;
        case Roster::Service::nobody:
            line += "; no server is left, answering 503";
            break;
    }
    if (!changes_.in_force()) line += "; the changes made at run time do not fit the file";
    if (!trouble_.empty()) line += "; " + trouble_;
    if (!port_differs_.empty()) line += "; " + port_differs_;
    return line;
}

void Otto::dump() {
    for (const auto& worker : workers_) {
        const WorkerCounters& counters = worker->counters();
        log(Priority::debug, nullptr,
            fmt::format(
                "worker {}: {} connections, {} requests, {} retries, {} aborted, {} cut off, "
                "{} queued, {} queued for too long, {} not queued",
                worker->index(), counters.connections.load(), counters.requests.load(),
                counters.retries.load(), counters.aborted.load(), counters.cut.load(),
                counters.queued.load(), counters.queue_timeouts.load(),
                counters.queue_overflows.load()));
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
    if (api_) api_->events().close();
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
