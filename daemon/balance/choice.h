#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "balance/server.h"

namespace otto {

/// A candidate as the policies see it.
struct Choice {
    Server* server = nullptr;
    std::uint32_t share = 1;  // never 0
    std::uint32_t most = 0;   // requests under way at once; 0: no limit
};

/// Whether a choice may be given a request now: not tried for it before, not taken out meanwhile,
/// and not full. Remembers whether somebody was passed over only for being full. Lives for one
/// pick.
class Usable {
  public:
    /// `failing_open`: servers that are known to be out are used all the same.
    Usable(std::span<Server* const> tried, bool failing_open)
        : tried_(tried), failing_open_(failing_open) {}

    bool operator()(const Choice& choice) {
        const Server& server = *choice.server;
        if (!failing_open_ && server.health() == Health::unhealthy) return false;
        if (std::find(tried_.begin(), tried_.end(), choice.server) != tried_.end()) return false;
        if (choice.most == 0 || server.active() < choice.most) return true;
        saturated_ = true;
        return false;
    }

    bool saturated() const { return saturated_; }

  private:
    std::span<Server* const> tried_;
    bool failing_open_;
    bool saturated_ = false;
};

}  // namespace otto
