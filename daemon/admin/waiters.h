#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "balance/server.h"
#include "event/loop.h"
#include "event/timer.h"

namespace otto::admin {

/// Requests whose replies are held until nothing is under way on some servers. Owned by the API;
/// control thread.
class Waiters {
  public:
    static constexpr std::size_t most = 256;
    static constexpr std::size_t most_over_tcp = 64;

    struct Waiter {
        std::uint64_t ticket;
        bool local;
        std::string name;
        std::vector<std::shared_ptr<Server>> servers;
        TimePoint deadline;
    };
    /// Why a waiter waits no more: `drained`, or its time is over with `active` requests left.
    using Release = std::function<void(const Waiter&, bool drained, std::uint64_t active)>;

    /// `settled` tells whether every worker goes by what was put into force last: until then one of
    /// them may still send the servers a request.
    Waiters(const Loop& loop, std::function<bool()> settled, Release release);

    /// Whether there is room for one more.
    bool may_hold(bool local) const;
    void hold(Waiter waiter);
    /// Its client has gone.
    void forget(std::uint64_t ticket);

  private:
    void look();

    std::function<bool()> settled_;
    Release release_;
    std::vector<Waiter> waiters_;
    Timer timer_;
};

}  // namespace otto::admin
