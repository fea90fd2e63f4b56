#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "admin/control.h"
#include "admin/sampler.h"
#include "control/reloader.h"
#include "control/server_checks.h"
#include "control/status_report.h"

namespace otto::control {

/// What the admin API asks of the control thread, and has it do. Owned by AdminService; control
/// thread.
class AdminControl final : public admin::Control {
  public:
    /// All of them outlive it.
    struct Parts {
        const Listening& listening;
        const Crew& crew;
        const Servers& servers;
        const PortReport& ports;
        const Shutdown& shutdown;
        const StatusReport& status;
        const admin::Changes& changes;
        const std::unique_ptr<accesslog::AccessLog>& access_log;  // null until it is opened
        Reloader& reloader;
        /// As a signal does it.
        std::function<std::vector<ConfigProblem>()> reload;
    };

    /// What Otto is.
    struct About {
        std::string version;
        std::string config_file;  // absolute; "": there is none
        std::string unit;         // Otto's own service; "": there is none
        bool watched = false;     // by systemd's watchdog
    };

    AdminControl(Parts parts, ServerChecks& checks, About about)
        : of_(std::move(parts)), checks_(checks), about_(std::move(about)) {}

    /// Once a second.
    void tick(TimePoint now) { sampler_.tick(now); }

    Overview overview() const override;
    bool ready() const override { return of_.shutdown.running() && of_.servers.ready(); }
    const std::string& config_file() const override { return about_.config_file; }
    const std::shared_ptr<const Snapshot>& shared_snapshot() const override {
        return of_.servers.snapshot();
    }
    metrics::Totals totals() const override;
    metrics::Readings readings() const override;
    admin::Condition condition(const Member& member, TimePoint now) const override {
        return of_.servers.condition(member, now);
    }
    const admin::Sampler& sampler() const override { return sampler_; }
    void apply(Config config) override { of_.reloader.apply(std::move(config)); }
    std::vector<ConfigProblem> reload_file() override { return of_.reload(); }
    bool check_server(const ServerConfig& server,
                      std::function<void(const Checked&)> on_done) override;
    bool in_force_everywhere() const override { return of_.crew.up_to_date(); }

  private:
    const Parts of_;
    ServerChecks& checks_;
    const About about_;
    const TimePoint started_ = now();
    const std::chrono::system_clock::time_point started_at_ = std::chrono::system_clock::now();
    admin::Sampler sampler_{*this};
};

}  // namespace otto::control
