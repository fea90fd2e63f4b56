#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "balance/server.h"
#include "base/time.h"

namespace otto {

/// A candidate as the policies see it.
struct Choice {
    Server* server = nullptr;
    std::uint32_t share = 1;  // never 0
    std::uint32_t most = 0;   // requests under way at once; 0: no limit
};

/// Whether a choice may receive a request now: it was not tried for this request, has not been
/// taken out meanwhile, and is not full. Remembers why choices were passed over. Lives for one
/// pick.
class Usable {
  public:
    explicit Usable(std::span<Server* const> tried) : tried_(tried) {}

    /// For candidates that were out when they were made: their health does not matter, but those
    /// that no connection came up to since `since` are passed over.
    static Usable failing_open(std::span<Server* const> tried, TimePoint since) {
        Usable usable(tried);
        usable.failing_open_ = true;
        usable.since_ = since;
        return usable;
    }

    bool operator()(const Choice& choice) {
        const Server& server = *choice.server;
        if (failing_open_) {
            if (server.unreachable_since(since_)) return false;
        } else if (server.health() == Health::unhealthy) {
            outdated_ = true;
            return false;
        }
        if (std::find(tried_.begin(), tried_.end(), choice.server) != tried_.end()) return false;
        if (choice.most == 0 || server.active() < choice.most) return true;
        saturated_ = true;
        return false;
    }

    /// A choice was passed over only because it is full.
    bool saturated() const { return saturated_; }
    /// A choice was passed over because it has been taken out since the candidates were made.
    bool outdated() const { return outdated_; }

  private:
    std::span<Server* const> tried_;
    bool failing_open_ = false;
    TimePoint since_ = TimePoint::max();
    bool saturated_ = false;
    bool outdated_ = false;
};

}  // namespace otto
