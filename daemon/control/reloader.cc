#include "control/reloader.h"

#include <utility>

#include <fmt/format.h>

#include "base/phrases.h"
#include "log/journal.h"
#include "sd/state.h"

namespace otto::control {

Reloader::Reloader(std::string file, std::optional<std::string> directory, bool binds,
                   admin::Changes& changes, Publisher& publisher, Callbacks callbacks)
    : file_(std::move(file)),
      directory_(std::move(directory)),
      binds_(binds),
      changes_(changes),
      publisher_(publisher),
      callbacks_(std::move(callbacks)) {}

Config Reloader::begin(LoadedConfig file) {
    changes_.load();
    loads_.failed_last = !file.ok();
    if (file.ok()) {
        accept(file.source);
    } else {
        file = stand_in(file.problems.front());
    }
    if (origin_ != Origin::nothing) file = changes_.lay_over_file(std::move(file));
    return std::move(file.config);
}

LoadedConfig Reloader::stand_in(const ConfigProblem& first) {
    if (directory_) {
        if (const auto text = load_last_good(*directory_)) {
            LoadedConfig last = parse_config(*text, *directory_ + "/last-good.json");
            if (last.ok()) {
                origin_ = Origin::last_good;
                trouble_ = fmt::format(
                    "using the last valid configuration, because the file has errors: {}",
                    first.text());
                log(Priority::error, &messages::config_invalid_at_start,
                    "using the last valid configuration; correct the file, then reload");
                return last;
            }
        }
    }
    origin_ = Origin::nothing;
    trouble_ = fmt::format("answering 503, because the file has errors: {}", first.text());
    log(Priority::error, &messages::config_invalid_at_start,
        "answering 503 to all requests; correct the file, then reload");
    return {};
}

/// The file is without errors and is about to be put into use.
void Reloader::accept(const std::string& source) {
    origin_ = Origin::file;
    trouble_.clear();
    loads_.last = std::chrono::system_clock::now();
    keep_last_good(source);
}

void Reloader::use(Config config) {
    if (publisher_.snapshot()) note_what_waits(config);
    callbacks_.use(std::move(config));
}

void Reloader::apply(Config config) {
    const bool moves = config.port != publisher_.snapshot()->config.port;
    use(std::move(config));
    if (moves) callbacks_.check_port(publisher_.snapshot()->config.port);
}

std::vector<ConfigProblem> Reloader::reload() {
    if (state_ == State::closed) return {{file_, 0, 0, "", "Otto is stopping"}};
    state_ = State::reloading;
    callbacks_.on_reloading();
    LoadedConfig loaded = callbacks_.load();
    loads_.failed_last = !loaded.ok();
    if (!loaded.ok()) {
        refuse(loaded);
        if (!publisher_.confirming()) end_reload();
        return std::move(loaded.problems);
    }
    ++loads_.done;
    accept(loaded.source);
    use(std::move(changes_.lay_over_file(std::move(loaded)).config));
    const Snapshot& snapshot = *publisher_.snapshot();
    const std::string changed = changes_.note();
    log(Priority::notice, &messages::reload_done,
        fmt::format("reloaded {}: generation {}, {}{}", file_, snapshot.generation,
                    counted(snapshot.members().size(), "server"),
                    changed.empty() ? "" : "; " + changed),
        {{"GENERATION", std::to_string(snapshot.generation)},
         {"SERVERS", std::to_string(snapshot.members().size())}});
    callbacks_.check_port(snapshot.config.port);
    publisher_.confirm();
    return {};
}

void Reloader::refuse(const LoadedConfig& loaded) {
    ++loads_.failed;
    const std::uint64_t generation = publisher_.snapshot()->generation;
    if (origin_ == Origin::file)
        trouble_ = fmt::format("the file has errors, so generation {} stays active: {}", generation,
                               loaded.problems.front().text());
    log_problems(loaded, messages::reload_failed);
    log(Priority::error, &messages::reload_failed,
        fmt::format("{} is not applied; generation {} stays active", file_, generation));
}

/// Not before each worker has confirmed what earlier reloads brought.
void Reloader::end_reload() {
    if (state_ != State::reloading) return;
    state_ = State::ready;
    publisher_.publish_if_due();
    callbacks_.on_ready();
}

void Reloader::log_problems(const LoadedConfig& loaded, const MessageType& type) {
    for (const ConfigProblem& problem : loaded.problems)
        log(Priority::error, &type, problem.text(),
            {{"FILE", problem.file},
             {"LINE", std::to_string(problem.line)},
             {"COLUMN", std::to_string(problem.column)},
             {"POINTER", problem.pointer}});
}

/// Some changes of a configuration that is about to be used take no effect.
void Reloader::note_what_waits(const Config& config) const {
    const Config& before = publisher_.snapshot()->config;
    const auto note = [](std::string_view key) {
        log(Priority::notice, nullptr,
            fmt::format("the change of \"{}\" takes effect after the next restart", key));
    };
    if (config.workers != before.workers) note("workers");
    if (binds_ && config.port != before.port) note("port");
    if (binds_ && config.admin != before.admin) note("admin");
}

void Reloader::keep_last_good(const std::string& source) const {
    if (!directory_) return;
    const Status saved = save_last_good(*directory_, source);
    if (!saved)
        log(Priority::warning, nullptr,
            "cannot save the last valid configuration: " + saved.error().message);
}

}  // namespace otto::control
