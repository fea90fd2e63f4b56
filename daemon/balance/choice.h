#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "balance/server.h"
#include "base/random.h"
#include "base/time.h"

namespace otto {

/// A candidate as the policies see it.
struct Choice {
    Server* server = nullptr;
    std::uint32_t share = 1;  // never 0
    std::uint32_t most = 0;   // requests under way at once; 0: no limit
};

/// A request that wants a server.
struct Asked {
    std::span<Server* const> tried{};  // in vain, for this request
    std::uint64_t client = 0;          // client_key(); only for policies that choose by it
    Server* wanted = nullptr;          // by the client's cookie; may be gone from the candidates
    TimePoint now{};                   // for policies that choose by latency, and for failing open;
                                       // a coarse clock will do
};

/// One of the workers that choose from the same choices.
struct Seat {
    unsigned worker;  // 0, 1, …
    unsigned workers;
    Random random;  // seeded differently for each worker
    // The next turn of an order that all workers share. They advance it by one a turn, relaxed:
    // each turn needs a number of its own, nothing more.
    std::atomic<std::uint64_t>& turn;
};

/// Of more choices than this, a policy does not look at all of them for each request: it samples,
/// or remembers. That keeps a choice below a microsecond, and the best of a sample is hardly worse
/// than the best of all.
inline constexpr std::size_t most_compared = 128;

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

/// The first usable choice in configured order; null when there is none.
inline const Choice* first_usable(std::span<const Choice> choices, Usable& usable) {
    for (const Choice& choice : choices)
        if (usable(choice)) return &choice;
    return nullptr;
}

/// The same from a random start on, around.
inline const Choice* any_usable(std::span<const Choice> choices, Random& random, Usable& usable) {
    const std::size_t start = random.next() % choices.size();
    const Choice* choice = first_usable(choices.subspan(start), usable);
    return choice != nullptr ? choice : first_usable(choices.first(start), usable);
}

}  // namespace otto
