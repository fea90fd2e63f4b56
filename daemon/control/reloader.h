#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "admin/overlay/changes.h"
#include "config/load.h"
#include "control/publisher.h"
#include "log/messages.h"

namespace otto::control {

/// Puts configurations into use: the file's at the start, by reloads, and those that the admin API
/// makes. A file with errors changes nothing; at the start the last valid configuration stands in
/// for it. A reload is over, for systemd, too, when each worker uses what it brought. Owned by
/// Otto; control thread.
class Reloader {
  public:
    enum class State : std::uint8_t {
        ready,
        reloading,  // systemd waits for the end
        closed      // Otto is stopping
    };

    /// What is in use, as far as files go.
    enum class Origin : std::uint8_t {
        file,
        last_good,  // the file was bad at the start: what it was before
        nothing     // nor is that known: all requests are answered with 503
    };

    struct Callbacks {
        /// Reads the file.
        std::function<LoadedConfig()> load;
        /// The configuration is in use from now on: a snapshot of it is published.
        std::function<void(Config)> use;
        /// "port" may have changed.
        std::function<void(const std::vector<ListenConfig>&)> check_port;
        std::function<void()> on_reloading;
        /// A reload is over, whether or not it brought anything.
        std::function<void()> on_ready;
    };

    struct Loads {
        using WallTime = std::chrono::system_clock::time_point;

        std::uint64_t done = 0;    // by reloads
        std::uint64_t failed = 0;  // likewise
        bool failed_last = false;
        WallTime last{};  // that a file without errors was put into use
    };

    /// `file` is for messages. The last valid configuration is kept in `directory`, if there is
    /// one. `binds`: Otto listens by itself. References outlive it.
    Reloader(std::string file, std::optional<std::string> directory, bool binds,
             admin::Changes& changes, Publisher& publisher, Callbacks callbacks);

    /// The configuration for the start, with changes made at run time over it: that of the file, or
    /// what stands in for it. To be put into use by use().
    Config begin(LoadedConfig file);

    /// Puts a configuration into use. Each way to one ends here.
    void use(Config config);
    /// One that the admin API made of changes, which are kept already.
    void apply(Config config);
    /// Reads the file and puts it into use. What is wrong with it; then nothing has changed.
    std::vector<ConfigProblem> reload();
    /// Each worker has confirmed what was published.
    void confirmed() { end_reload(); }
    /// Otto is stopping: there are no reloads any more.
    void close() { state_ = State::closed; }

    State state() const { return state_; }
    Origin origin() const { return origin_; }
    /// What is wrong with the file, for people; "": nothing, as of the last look.
    const std::string& trouble() const { return trouble_; }
    const Loads& loads() const { return loads_; }

    static void log_problems(const LoadedConfig& loaded, const MessageType& type);

  private:
    LoadedConfig stand_in(const ConfigProblem& first);
    void refuse(const LoadedConfig& loaded);
    void accept(const std::string& source);
    void note_what_waits(const Config& config) const;
    void keep_last_good(const std::string& source) const;
    void end_reload();

    const std::string file_;
    const std::optional<std::string> directory_;
    const bool binds_;
    admin::Changes& changes_;
    Publisher& publisher_;
    const Callbacks callbacks_;
    State state_ = State::ready;
    Origin origin_ = Origin::file;
    std::string trouble_;
    Loads loads_;
};

}  // namespace otto::control
