// What Otto does with a configuration: from the file, from changes, or from names that moved.

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "config/port.h"
#include "otto.h"
#include "quick_start.h"
#include "sd/journal.h"
#include "sd/state.h"

namespace otto {

namespace {

/// In the state directory.
constexpr std::string_view sticky_key_file = "sticky.key";
/// Where ottoctl looks.
constexpr std::string_view default_admin_place = "/run/otto/admin.sock";

}  // namespace

/// What to serve instead of a file that is bad at start: the last good configuration, or nothing
/// but 503.
LoadedConfig Otto::fall_back(const LoadedConfig& bad) {
    const std::string first = bad.problems.front().text();
    stands_in_ = true;
    const auto directory = state_directory();
    if (directory) {
        const auto text = load_last_good(*directory);
        if (text) {
            LoadedConfig last = parse_config(*text, *directory + "/last-good.json");
            if (last.ok()) {
                trouble_ = fmt::format(
                    "using the last valid configuration, because the file has errors: {}", first);
                log(Priority::error, &messages::config_invalid_at_start,
                    "using the last valid configuration; correct the file, then reload");
                return last;
            }
        }
    }
    trouble_ = fmt::format("answering 503, because the file has errors: {}", first);
    log(Priority::error, &messages::config_invalid_at_start,
        "answering 503 to all requests; correct the file, then reload");
    return {};
}

void Otto::log_problems(const LoadedConfig& loaded, const MessageType& type) {
    for (const ConfigProblem& problem : loaded.problems)
        log(Priority::error, &type, problem.text(),
            {{"FILE", problem.file},
             {"LINE", std::to_string(problem.line)},
             {"COLUMN", std::to_string(problem.column)},
             {"POINTER", problem.pointer}});
}

std::vector<ConfigProblem> Otto::reload_file() {
    // Whatever is in the file: it is logrotate that asks, as a rule.
    if (access_log_) access_log_->reopen();
    if (phase_ != Phase::running) return {{options_.config, 0, 0, "", "Otto is stopping"}};
    notifier_.reloading();
    LoadedConfig loaded = load_config(options_);
    loads_.failed_last = !loaded.ok();
    if (!loaded.ok()) {
        ++loads_.failed;
        if (trouble_.empty() || !stands_in_)
            trouble_ = fmt::format("the file has errors, so generation {} stays active: {}",
                                   snapshot_->generation, loaded.problems.front().text());
        log_problems(loaded, messages::reload_failed);
        log(Priority::error, &messages::reload_failed,
            fmt::format("{} is not applied; generation {} stays active", options_.config,
                        snapshot_->generation));
        end_reload();
        return std::move(loaded.problems);
    }
    ++loads_.done;
    loads_.last = std::chrono::system_clock::now();
    keep_last_good(loaded.source);
    trouble_.clear();
    stands_in_ = false;
    loaded = changes_.lay_over_file(std::move(loaded));
    note_what_waits(loaded.config);
    adopt(std::move(loaded.config));
    const std::string changed = changes_line();
    log(Priority::notice, &messages::reload_done,
        fmt::format("reloaded {}: generation {}, {} {}{}", options_.config, snapshot_->generation,
                    snapshot_->members().size(),
                    snapshot_->members().size() == 1 ? "server" : "servers",
                    changed.empty() ? "" : "; " + changed),
        {{"GENERATION", std::to_string(snapshot_->generation)},
         {"SERVERS", std::to_string(snapshot_->members().size())}});
    report_port();
    confirmations_due_ += workers_.size();
    for (const auto& worker : workers_) worker->confirm();
    return {};
}

void Otto::worker_confirmed() {
    --confirmations_due_;
    end_reload();
}

/// Tells systemd, once every worker goes by what the reload brought.
void Otto::end_reload() {
    if (confirmations_due_ > 0 || phase_ != Phase::running) return;
    publish_if_due();
    last_status_ = status_line();
    notifier_.ready(last_status_);
    if (reload_socket_) reload_socket_->applied();
}

void Otto::open_reload_socket() {
    const auto directory = state_directory();
    if (!directory) return;
    auto socket = ReloadSocket::open(loop_, *directory, [this] { return reload_asked(); });
    if (socket) {
        reload_socket_ = std::move(*socket);
    } else {
        log(Priority::warning, nullptr,
            "systemctl reload will fail; send SIGHUP instead: " + socket.error().message);
    }
}

/// By `otto --reload`; the reason why there is none.
std::string Otto::reload_asked() {
    const std::vector<ConfigProblem> problems = reload_file();
    if (problems.empty()) return "";
    std::string reason = problems.front().text();
    if (problems.size() > 1) reason += fmt::format("; and {} more", problems.size() - 1);
    return reason;
}

/// Of a configuration that is about to be adopted.
void Otto::note_what_waits(const Config& config) const {
    const Config& before = snapshot_->config;
    const auto note = [](std::string_view key) {
        log(Priority::notice, nullptr,
            fmt::format("the change of \"{}\" takes effect after the next restart", key));
    };
    if (config.workers != before.workers) note("workers");
    if (!listening_.from_systemd() && config.port != before.port) note("port");
    if (!listening_.from_systemd() && config.admin != before.admin) note("admin");
}

void Otto::adopt(Config config) {
    if (config.sticky.enabled) keep_sticky_key();
    resolver_.watch(names_of(config));
    take_up(make_snapshot(std::move(config), snapshot_.get(), resolver_.answers()));
}

void Otto::take_up(SnapshotBuild build) {
    snapshot_ = std::move(build.snapshot);
    std::vector<std::shared_ptr<Server>> servers;
    for (const Member& member : snapshot_->members()) {
        member.server->connections->set_calls(&connection_calls_);
        member.server->connections->set_most(member.max_connections);
        if (member.state != ServerState::disabled) {
            servers.push_back(member.server);
        } else {
            member.server->set_health(Health::unknown);
        }
    }
    adopting_ = true;
    roster_.adopt(snapshot_->pools.front().members, snapshot_->config);
    monitor_.watch(servers, snapshot_->config.health_check);
    for (const auto& [server, reason] : build.unresolved) monitor_.unresolved(*server, reason);
    adopting_ = false;
    if (share_) limit_connections();
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
            log_folded(Priority::notice, messages::name_moved,
                       fmt::format("name {} now resolves to {}", news.name, list),
                       {{"NAME", news.name}, {"HOST", news.name}, {"ADDRESSES", list}});
            return;
        case Resolver::News::Kind::stale:
            log_folded(
                Priority::warning, messages::name_stale,
                fmt::format("name {} cannot be looked up; its last known addresses stay in use: {}",
                            news.name, news.answer.trouble),
                {{"NAME", news.name},
                 {"HOST", news.name},
                 {"ADDRESSES", list},
                 {"REASON", news.answer.trouble}});
            return;
        case Resolver::News::Kind::fresh:
            log_folded(Priority::notice, messages::name_fresh,
                       fmt::format("name {} can be looked up again", news.name),
                       {{"NAME", news.name}, {"HOST", news.name}, {"ADDRESSES", list}});
            return;
    }
}

void Otto::report_port() {
    port_differs_.clear();
    if (!listening_.from_systemd() || same_port(snapshot_->config.port, listening_.addresses()))
        return;
    std::string cure = port_commands();
    if (!admin_place_.empty())
        cure += fmt::format("; to change \"port\" instead: {} --port socket", cure);
    port_differs_ = describe_difference(snapshot_->config.port, listening_.texts(), cure);
    log(Priority::warning, &messages::port_differs, port_differs_, {{"COMMANDS", port_commands()}});
}

/// Those that have systemd's socket listen on `port`.
std::string Otto::port_commands() const {
    if (admin_place_ == default_admin_place) return "ottoctl apply";
    if (!admin_place_.empty()) return fmt::format("ottoctl --socket {} apply", admin_place_);
    return drop_in_commands(snapshot_->config.port, socket_unit_of(unit_));
}

void Otto::keep_last_good(const std::string& source) const {
    const auto directory = state_directory();
    if (!directory || !options_.servers.empty()) return;
    const Status saved = save_last_good(*directory, source);
    if (!saved)
        log(Priority::warning, nullptr,
            "cannot save the last valid configuration: " + saved.error().message);
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
                "the stored key for sticky cookies cannot be used, so clients receive new "
                "cookies: " +
                    (kept ? "its length is wrong" : kept.error().message));
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

}  // namespace otto
