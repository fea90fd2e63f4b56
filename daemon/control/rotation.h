#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "balance/candidates.h"
#include "balance/ejections.h"
#include "balance/eligible.h"
#include "balance/slow_start.h"
#include "base/time.h"
#include "config/config.h"

namespace otto::control {

/// Decides which servers receive requests, by configuration, health, ejections and slow start
/// (balance/eligible.h), and keeps the last two. Health itself is the monitor's. It has no timer:
/// its owner asks next_change(). Owned by Servers; control thread.
class Rotation {
  public:
    enum class Service : std::uint8_t {
        normal,        // servers that are in receive requests
        failing_open,  // none is in: servers receive requests that might answer all the same
        none           // there is not even such a server
    };

    /// Called from within what makes the change. They may ask the rotation, but change nothing.
    struct Callbacks {
        /// The candidates are outdated: build() soon.
        std::function<void()> on_change;
        std::function<void(const Member&, const Ejections::Ejected&, const std::string& reason)>
            on_ejected;
        /// The server is no longer ejected.
        std::function<void(const Member&, const std::string& reason)> on_back;
    };

    using Members = std::shared_ptr<const std::vector<Member>>;

    explicit Rotation(Callbacks callbacks);

    /// These are configured from now on. Servers that were there before keep their ejections,
    /// unless they are disabled or ejection is off.
    void adopt(Members members, const Config& config);

    /// The servers that receive requests now, to follow `predecessor`. `settled`: all healths are
    /// known. The first call is Otto's start: servers that are in then have all of their share.
    std::shared_ptr<const Candidates> build(const Candidates& predecessor, bool settled,
                                            TimePoint now);
    /// When build() will have another result though nothing is reported; as of the last build().
    std::optional<TimePoint> next_change() const { return next_change_; }

    /// Reports of workers and the monitor. Servers that are gone are ignored.
    void errors_in_a_row(std::uint64_t server, unsigned count, TimePoint now);
    void probe_request_ended(std::uint64_t server, bool passed, TimePoint now);
    void check_passed(const Server& server, TimePoint now);
    /// The server was out by its health and is back by its checks: an earlier ejection is void.
    void recovered(const Server& server);

    /// As of the last build().
    Service service() const { return service_; }
    const Ejections& ejections() const { return ejections_; }
    /// Why a server was ejected last; "" for one that never was since it was added.
    std::string ejection_reason(std::uint64_t server) const;
    /// In tenths, how much of its share a server receives while it starts slowly; 10 for others.
    unsigned level(std::uint64_t server, TimePoint now) const {
        return slow_start_.level(server, now);
    }
    /// Null when no server has this Server::id.
    const Member* find(std::uint64_t server) const;

  private:
    void eject(const Member& member, const Ejections::Ejected& ejected, const std::string& reason);
    void un_eject(const Member& member, const std::string& reason);
    void offer_probe_requests(TimePoint now);
    void set_service(const Eligible& eligible, bool settled);

    const Callbacks callbacks_;
    Members members_;
    std::unordered_map<std::uint64_t, std::size_t> places_;  // of members_, by Server::id
    const Policy* policy_ = &policies().front();
    unsigned consecutive_errors_ = 0;
    unsigned max_percent_ = 0;
    Ejections ejections_;
    std::unordered_map<std::uint64_t, std::string> ejection_reasons_;
    SlowStart slow_start_;
    Service service_ = Service::normal;
    bool started_ = false;
    std::optional<TimePoint> next_change_;
};

}  // namespace otto::control
