#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "admin/control.h"
#include "admin/overlay/changes.h"

namespace otto::admin {

/// The data of `servers` events: which servers are different, in anything but what counts, from
/// what was said of them last, and which have gone. Control thread.
class ServersFeed {
  public:
    /// More wait for the next event, so that one is never too long for a reader.
    static constexpr std::size_t most_at_once = 200;

    ServersFeed(const Control& control, const Changes& changes)
        : control_(control), changes_(changes) {}

    /// Begins to look at all servers. `first`: what is so now counts as said.
    void begin(bool first);
    /// Looks at some of them; false when it has seen all.
    bool step(TimePoint now);
    /// What was found; "" when nothing is different.
    std::string take();

  private:
    /// What makes a difference.
    struct Said {
        std::string name;
        ServerState state = ServerState::active;
        unsigned weight = 0;
        bool backup = false;
        unsigned max_connections = 0;
        bool changed = false;
        Health health = Health::unknown;
        std::uint32_t left = 0;  // requests, while it is drained
        Condition condition;     // without what passes by itself

        bool operator==(const Said&) const = default;
    };

    Said look(const Member& member, TimePoint now) const;
    static bool differs(const Said& before, const Said& after);

    void look_at(const Member& member, TimePoint now);
    void remove_gone();

    const Control& control_;
    const Changes& changes_;
    std::shared_ptr<const Snapshot> snapshot_;  // that is looked at
    std::size_t next_ = 0;                      // of its members
    bool first_ = false;
    Json changed_;
    Json removed_;
    std::unordered_map<std::string, Said> said_;  // by the server's URL
};

}  // namespace otto::admin
