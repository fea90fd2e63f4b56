#include "otto.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/cpus.h"
#include "base/phrases.h"
#include "log/journal.h"
#include "log/log_thread.h"
#include "quick_start.h"
#include "sd/socket_unit.h"
#include "sd/state.h"
#include "version.h"

namespace otto {

using namespace control;

namespace {

constexpr int exit_bad_config = 78;  // EX_CONFIG
constexpr int exit_no_socket = 71;   // EX_OSERR
constexpr int exit_failure = 1;

constexpr Duration tick_time = std::chrono::seconds(1);

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

std::string nothing_to_listen_on(const Error& error) {
    const std::string service = own_service();
    std::string text = error.message + "; nothing to listen on";
    if (!service.empty())
        text +=
            fmt::format("; to make systemd listen: systemctl start {}", socket_unit_of(service));
    return text;
}

}  // namespace

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
    if (!loaded.ok()) Reloader::log_problems(loaded, messages::config_invalid_at_start);
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

    auto sticky_key = StickyKey::open(state_directory());
    if (!sticky_key) return fail(exit_failure, sticky_key.error().message);

    Otto otto(options, std::move(*loop), std::move(*mailbox), notifier, std::move(*sockets),
              std::move(*sticky_key));
    const Status started = otto.start(std::move(loaded), std::move(admin_sockets));
    if (!started) return fail(exit_failure, started.error().message);
    return otto.loop_.run() ? 0 : fail(exit_failure, "the event loop failed");
}

Otto::Otto(const Options& options, Loop loop, std::unique_ptr<Mailbox> mailbox, Notifier notifier,
           Listening listening, StickyKey sticky_key)
    : options_(options),
      loop_(std::move(loop)),
      mailbox_(std::move(mailbox)),
      listening_(std::move(listening)),
      sticky_key_(std::move(sticky_key)),
      changes_(state_directory(), options.config),
      servers_(loop_, *mailbox_, crew_, [this] { reloader_.confirmed(); }),
      ports_(listening_, own_service()),
      reloader_(options.config, options.servers.empty() ? state_directory() : std::nullopt,
                !listening_.from_systemd(), changes_, servers_.publisher(),
                {.load = [this] { return load_config(options_); },
                 .use = [this](Config config) { use(std::move(config)); },
                 .check_port = [this](const auto& port) { ports_.check(port); },
                 .on_reloading = [this] { supervision_.reloading(); },
                 .on_ready = [this] { supervision_.ready(status_line()); }}),
      shutdown_({.traffic =
                     [this] {
                         return Shutdown::Traffic{crew_.requests(), crew_.connections()};
                     },
                 .end_keep_alive = [this] { crew_.end_keep_alive(); },
                 .drain =
                     [this] {
                         crew_.drain();
                         listening_.close();
                     },
                 .stop = [this](bool late) { stop(late); }}),
      status_({.servers = servers_,
               .crew = crew_,
               .reloader = reloader_,
               .shutdown = shutdown_,
               .ports = ports_,
               .changes = changes_,
               .access_log = access_log_}),
      supervision_(loop_, notifier, crew_),
      admin_(loop_, *mailbox_, changes_,
             {.listening = listening_,
              .crew = crew_,
              .servers = servers_,
              .ports = ports_,
              .shutdown = shutdown_,
              .status = status_,
              .changes = changes_,
              .access_log = access_log_,
              .reloader = reloader_,
              .reload = [this] { return reload(); }},
             {.version = version,
              .config_file = options.servers.empty() ? absolute_path(options.config) : "",
              .unit = own_service(),
              .watched = supervision_.watched()}),
      tick_timer_(loop_, [this] { tick(); }),
      accept_timer_(loop_, [this] { advance_shutdown(); }) {}

// ---- start -------------------------------------------------------------------------------------

Status Otto::start(LoadedConfig loaded, std::vector<UniqueFd> admin_sockets) {
    if (!admin_sockets.empty()) admin_.tap_log();
    sticky_key_.report();
    const Status signals = watch_signals();
    if (!signals) return signals;
    Config config = reloader_.begin(std::move(loaded));
    crew_.prepare(config.workers != 0 ? config.workers : usable_cpus());
    auto access_log = accesslog::AccessLog::open(crew_.size());
    if (!access_log) return access_log.error();
    access_log_ = std::move(*access_log);
    reloader_.use(std::move(config));
    const Status workers = start_workers();
    if (!workers) return workers;
    const Status admin = admin_.open(std::move(admin_sockets));
    if (!admin) return admin;
    ports_.set_admin_socket(admin_.unix_socket());
    supervision_.serve_reloads([this] { return reload_and_explain(); });
    supervision_.watch_workers();
    tick_timer_.set_after(tick_time);
    supervision_.ready(status_line());
    log_start();
    ports_.check(servers_.snapshot()->config.port);
    return {};
}

Status Otto::watch_signals() {
    const std::pair<int, std::function<void()>> actions[] = {{SIGHUP, [this] { reload(); }},
                                                             {SIGTERM, [this] { terminate(); }},
                                                             {SIGINT, [this] { terminate(); }},
                                                             {SIGUSR1, [this] { dump(); }}};
    for (const auto& [number, action] : actions) {
        auto watch = SignalWatch::open(loop_, number, action);
        if (!watch) return watch.error();
        signals_.push_back(std::move(*watch));
    }
    signal(SIGPIPE, SIG_IGN);
    return {};
}

Status Otto::start_workers() {
    WorkerReports reports{
        .on_taken_out = [this](std::uint64_t server,
                               const std::string& reason) { servers_.taken_out(server, reason); },
        .on_errors = [this](std::uint64_t server,
                            unsigned errors) { servers_.errors_in_a_row(server, errors); },
        .on_answered = [this](std::uint64_t server) { servers_.answered(server); },
        .on_probe_request = [this](std::uint64_t server,
                                   bool passed) { servers_.probe_request_ended(server, passed); },
        .on_accept_paused = [this](unsigned,
                                   const std::string& reason) { limits_.accept_paused(reason); },
        .on_accept_resumed = [this](unsigned) { limits_.accept_resumed(); },
        .on_confirmed = [this](unsigned) { servers_.publisher().confirmed(); },
        .on_drained = [this](unsigned) { shutdown_.worker_drained(); },
    };
    return crew_.start({.control = *mailbox_,
                        .sticky_key = sticky_key_.secret(),
                        .access_log = access_log_->queue()},
                       std::move(reports), listening_, servers_.snapshot());
}

void Otto::log_start() const {
    for (const std::string& address : listening_.texts())
        log(Priority::info, nullptr, fmt::format("listening on {}", address),
            {{"ADDRESS", address}});
    const std::size_t servers = servers_.snapshot()->members().size();
    log(Priority::notice, &messages::started,
        fmt::format("Otto {} started: {}, {}", version, counted(crew_.size(), "worker"),
                    counted(servers, "server")),
        {{"VERSION", version},
         {"WORKERS", std::to_string(crew_.size())},
         {"SERVERS", std::to_string(servers)}});
}

// ---- while it runs -----------------------------------------------------------------------------

/// What follows from a configuration. Workers get it last.
void Otto::use(Config config) {
    if (config.sticky.enabled) sticky_key_.keep();
    limits_.configure(config.limits);
    access_log_->configure(config.access_log);
    servers_.use(std::move(config));
}

std::vector<ConfigProblem> Otto::reload() {
    // Whatever is in the file: it is logrotate that asks, as a rule.
    access_log_->reopen();
    return reloader_.reload();
}

/// For `otto --reload`: the reason why there is none.
std::string Otto::reload_and_explain() {
    const std::vector<ConfigProblem> problems = reload();
    if (problems.empty()) return "";
    std::string reason = problems.front().text();
    if (problems.size() > 1) reason += fmt::format("; and {} more", problems.size() - 1);
    return reason;
}

void Otto::tick() {
    tick_timer_.set_after(tick_time);
    servers_.tick();
    limits_.tick(coarse_now());
    // A crowd of clients may come and go between two ticks.
    if (heap_trim_.due(coarse_now(), crew_.connections(), crew_.take_most_connections()))
        trim_heap();
    status_.tick(now());
    admin_.tick(now());
    if (!shutdown_.running()) {
        shutdown_.tick(coarse_now());
        if (shutdown_.phase() == Shutdown::Phase::stopped) return;
        supervision_.still_stopping();
    }
    supervision_.status(status_line());
}

void Otto::dump() const {
    for (const auto& worker : crew_.workers()) {
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

void Otto::terminate() {
    const bool first = shutdown_.running();
    reloader_.close();
    shutdown_.begin(servers_.snapshot()->config.timeouts.drain, crew_.size(), coarse_now());
    if (!first) return;
    accept_timer_.set(*shutdown_.next());
    supervision_.stopping(status_line());
}

void Otto::advance_shutdown() {
    shutdown_.advance(coarse_now());
    if (const auto next = shutdown_.next()) accept_timer_.set(*next);
}

void Otto::stop(bool late) {
    const std::uint64_t cut_off = crew_.connections();
    if (late)
        log(Priority::warning, nullptr,
            fmt::format("cutting off {}: timeouts.drain has passed",
                        counted(cut_off, "connection")));
    tick_timer_.cancel();
    accept_timer_.cancel();
    admin_.close();
    servers_.tick();
    crew_.stop();
    log(Priority::notice, &messages::stopped,
        fmt::format("Otto stopped after {}, {} cut off", counted(crew_.requests(), "request"),
                    counted(cut_off, "connection")),
        {{"REQUESTS", std::to_string(crew_.requests())}, {"CUT_OFF", std::to_string(cut_off)}});
    loop_.stop();
}

}  // namespace otto
