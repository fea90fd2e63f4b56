#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "admin/condition.h"
#include "config/config.h"
#include "control/crew.h"
#include "control/publisher.h"
#include "control/rotation.h"
#include "control/server_log.h"
#include "event/deferred.h"
#include "event/loop.h"
#include "event/mailbox.h"
#include "event/timer.h"
#include "health/monitor.h"
#include "health/resolver.h"

namespace otto::control {

/// The configured servers: their names, their health, and whether they receive requests. What
/// changes about them becomes a snapshot for the workers. Ties resolver, monitor, rotation and
/// publisher to the loop and to the crew. Owned by Otto; control thread.
class Servers {
  public:
    /// `on_confirmed`: Publisher::Callbacks has it. All references outlive it.
    Servers(const Loop& loop, Mailbox& control, Crew& crew, std::function<void()> on_confirmed);
    ~Servers();
    Servers(const Servers&) = delete;
    Servers& operator=(const Servers&) = delete;

    /// These are configured from now on. The first call begins Otto's start: no server receives
    /// requests before each has had its first verdict, or half a second has passed.
    void use(Config config);

    // Reports of workers, by Server::id.
    void taken_out(std::uint64_t server, const std::string& reason);
    void answered(std::uint64_t server);
    void errors_in_a_row(std::uint64_t server, unsigned count);
    void probe_request_ended(std::uint64_t server, bool passed);

    /// Once a second, and when Otto stops: publishes and logs what is due.
    void tick();

    Publisher& publisher() { return publisher_; }
    const std::shared_ptr<const Snapshot>& snapshot() const { return publisher_.snapshot(); }
    const Rotation& rotation() const { return rotation_; }
    /// Whether requests would find a healthy server, as of the last publication.
    bool ready() const { return healthy_ && !snapshot()->candidates().empty(); }
    admin::Condition condition(const Member& member, TimePoint now) const;

  private:
    void take(SnapshotBuild build);
    void names_changed();
    void flipped(const Monitor::Flip& flip);
    std::shared_ptr<const Candidates> balance(const Candidates& predecessor);
    void published(bool settles);
    std::string name_of(const Server& server) const;

    Crew& crew_;
    ServerLog log_;
    Rotation rotation_;
    Rotation::Service logged_ = Rotation::Service::normal;
    bool healthy_ = false;  // a server that may receive requests is
    Publisher publisher_;
    Monitor monitor_;
    Resolver resolver_;
    std::size_t connection_line_ = 0;  // of the checks, in ConnectionCalls
    Deferred publish_later_;
    Timer settle_timer_;
    Timer change_timer_;
};

}  // namespace otto::control
