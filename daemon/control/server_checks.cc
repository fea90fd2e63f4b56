#include "control/server_checks.h"

#include <utility>

#include "health/http_probe.h"
#include "health/resolver.h"
#include "health/tcp_probe.h"
#include "proxy/snapshot.h"

namespace otto::control {

class ServerChecks::Check {
  public:
    Check(const Loop& loop, Mailbox& mailbox, const ServerConfig& server,
          const HealthCheckConfig& how, OnDone on_done)
        : loop_(loop),
          on_done_(std::move(on_done)),
          resolver_(loop, mailbox, {.on_change = [this] { go_on(); }, .on_news = {}},
                    Resolver::ask_system, {}) {
        config_.servers = {server};
        config_.health_check = how;
        resolver_.watch(names_of(config_));
        // Never from here: as if an answer had come, also where no name needs one.
        resolver_.announce();
    }

    bool over() const { return over_; }

  private:
    /// Once there is an address, or a reason why there is none.
    void go_on() {
        if (over_ || probe_) return;
        const SnapshotBuild build = make_snapshot(config_, nullptr, resolver_.answers());
        if (!build.unresolved.empty()) {
            end({.passed = false, .reason = build.unresolved.front().reason});
            return;
        }
        server_ = build.snapshot->members().front().server;
        if (server_->addresses.empty()) return;
        began_ = now();
        const auto probed = [this](ProbeResult result) { end(verdict(result)); };
        if (config_.health_check.type == HealthCheckConfig::Type::http) {
            probe_ = std::make_unique<HttpProbe>(loop_, server_, config_.health_check, probed);
        } else {
            probe_ =
                std::make_unique<TcpProbe>(loop_, server_, config_.health_check.timeout, probed);
        }
    }

    admin::Control::Checked verdict(const ProbeResult& result) const {
        const bool passed = result.outcome == ProbeResult::Outcome::passed;
        return {.passed = passed,
                .reason = passed ? "" : result.reason,
                .address = server_->addresses[server_->preferred()].text(),
                .took = now() - began_};
    }

    void end(const admin::Control::Checked& checked) {
        over_ = true;
        on_done_(checked);
    }

    const Loop& loop_;
    const OnDone on_done_;
    Config config_;
    std::shared_ptr<Server> server_;
    TimePoint began_{};
    bool over_ = false;
    Resolver resolver_;
    std::unique_ptr<Probe> probe_;
};

ServerChecks::ServerChecks(const Loop& loop, Mailbox& mailbox)
    : loop_(loop),
      mailbox_(mailbox),
      sweep_(loop, [this] { checks_.remove_if([](const auto& check) { return check->over(); }); }) {
}

ServerChecks::~ServerChecks() = default;

bool ServerChecks::start(const ServerConfig& server, const HealthCheckConfig& how, OnDone on_done) {
    if (checks_.size() >= most) return false;
    checks_.push_back(std::make_unique<Check>(
        loop_, mailbox_, server, how,
        [this, done = std::move(on_done)](const admin::Control::Checked& checked) {
            sweep_.schedule();
            done(checked);
        }));
    return true;
}

}  // namespace otto::control
