#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "balance/choice.h"
#include "balance/policy.h"
#include "balance/server.h"
#include "balance/server_state.h"
#include "base/random.h"

namespace otto {

/// A server as one snapshot has it configured.
struct Member {
    std::shared_ptr<Server> server;
    unsigned weight = 1;
    std::string name{};
    bool backup = false;
    unsigned max_connections = 0;  // requests under way at once; 0: no limit
    ServerState state = ServerState::active;
    /// Its part of the requests in proportion to the others'; set when the eligible members are
    /// found. What candidates and policies go by.
    unsigned share = 1;
};

class Candidates;

/// What candidates are besides a list of members.
struct Selection {
    const Policy* policy = &policies().front();
    /// False while configured servers still wait for their first verdict: a request that finds no
    /// server should wait, too.
    bool settled = true;
    /// No server deserves requests, and these receive them all the same.
    bool failing_open = false;
    /// The members are out by their health: failing open, the last resort.
    bool unhealthy = false;
    /// Half-open servers, which are not among the members: each gets one probe request, when its
    /// Server::offer_probe_request() is taken up.
    std::vector<Member> half_open{};
    /// The backups, for requests that find all of the members out or tried before other candidates
    /// are published. May be null.
    std::shared_ptr<const Candidates> reserve{};
};

/// The members that may be given requests, and what their policy needs to choose. Built by the
/// control thread whenever these change, immutable afterwards but for the cursor, and shared by all
/// workers, which makes round-robin exact across them.
class Candidates {
  public:
    /// Of members that are eligible, in configured order; those with a share of 0 are left out.
    /// `start` is where in the round-robin's order the first pick is taken.
    static std::shared_ptr<const Candidates> build(std::vector<Member> members, Selection selection,
                                                   std::uint64_t start);
    /// The same, going on where `predecessor` is: they share their position, so that no pick is
    /// lost or taken twice while some workers still use the one and some already the other.
    static std::shared_ptr<const Candidates> build(std::vector<Member> members, Selection selection,
                                                   const Candidates& predecessor);

    bool empty() const { return choices_.empty(); }
    std::size_t size() const { return choices_.size(); }
    /// Each of them has a limit on its requests.
    bool all_limited() const { return all_limited_; }
    /// The part of the requests that a server is meant to get, 0 to 1; with a policy that
    /// is in_order, all or nothing.
    double share_of(const Server& server) const;
    bool has(const Server& server) const { return find(&server) != nullptr; }
    const Policy& policy() const { return *selection_.policy; }
    bool settled() const { return selection_.settled; }
    bool failing_open() const { return selection_.failing_open; }
    bool unhealthy() const { return selection_.unhealthy; }
    const Candidates* reserve() const { return selection_.reserve.get(); }
    /// The round-robin's position of the next pick.
    std::uint64_t position() const { return cursor_->next.load(std::memory_order_relaxed); }

  private:
    friend class Picker;

    // See Seat::turn.
    struct alignas(64) Cursor {
        std::atomic<std::uint64_t> next{0};
    };

    static std::shared_ptr<const Candidates> build_at(std::vector<Member> members,
                                                      Selection selection,
                                                      std::shared_ptr<Cursor> cursor,
                                                      std::uint64_t seed);
    void index_servers();
    /// Null when the server is not among them.
    const Choice* find(const Server* server) const;

    Selection selection_;
    std::vector<Member> members_;    // keep the servers alive
    std::vector<Choice> choices_;    // the members', in the same order
    std::uint64_t total_share_ = 0;  // of them
    bool all_limited_ = false;
    std::vector<std::uint32_t> by_server_;  // indices, in the order of the servers' addresses
    std::shared_ptr<Cursor> cursor_;
    std::uint64_t seed_ = 0;
    Plan plan_;
};

struct Picked {
    Server* server = nullptr;
    unsigned most = 0;       // for Lease::take()
    bool half_open = false;  // its result must be reported
    bool saturated = false;  // a server was passed over only because it is full: waiting helps
    bool outdated = false;   // some have been taken out: other candidates are on their way
};

/// One worker's way of picking from the candidates. Of one thread.
class Picker {
  public:
    /// `worker` (0, 1, …) of `workers` spreads what workers would otherwise do in step.
    Picker(std::shared_ptr<const Candidates> candidates, unsigned worker, unsigned workers);

    /// A half-open server whose probe request is still due, if this is a first try; or else the
    /// wanted one; or else the policy's choice. Never one that was tried, was taken out meanwhile,
    /// or is full; when there is no other, and none is merely full, one of the reserve; then a null
    /// server. Of members that are out by their health, those that refused within the last second
    /// are chosen last.
    Picked pick(const Asked& asked);

    const Candidates& candidates() const { return *candidates_; }

  private:
    Picked pick_member(const Asked& asked);
    Picked pick_usable(const Asked& asked, bool takes_turn, Usable usable);
    std::optional<Picked> take_probe_request();

    std::shared_ptr<const Candidates> candidates_;
    std::unique_ptr<Picker> reserve_;
    Chooser choose_;
};

}  // namespace otto
