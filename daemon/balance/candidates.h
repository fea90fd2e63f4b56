#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "balance/server.h"
#include "balance/stride_schedule.h"

namespace otto {

/// A server as one snapshot has it configured.
struct Member {
    std::shared_ptr<Server> server;
    unsigned weight = 1;
    std::string name;
};

/// The members that may be given requests, in their smooth weighted order. Built by the control
/// thread whenever a health changes, immutable afterwards but for the cursor, and shared by all
/// workers, which makes round-robin exact across them.
class Candidates {
  public:
    /// A longer order than this is not kept as a table: each worker then has a stride schedule of
    /// its own, whose shares are as exact, worker by worker.
    static constexpr std::size_t max_slots = 65'536;

    /// Members that are healthy and have a weight. `start` is where in the order the first pick is
    /// taken. `settled`: see below.
    static std::shared_ptr<const Candidates> build(std::vector<Member> members, std::uint64_t start,
                                                   bool settled);
    /// The same, going on where `predecessor` is: they share their position, so that no pick is
    /// lost or taken twice while some workers still use the one and some already the other.
    static std::shared_ptr<const Candidates> build(std::vector<Member> members,
                                                   const Candidates& predecessor, bool settled);

    bool empty() const { return eligible_.empty(); }
    std::size_t size() const { return eligible_.size(); }
    /// False while configured servers still wait for their first verdict: a request that finds
    /// nobody should wait, too.
    bool settled() const { return settled_; }
    /// The position of the next pick.
    std::uint64_t position() const { return cursor_->next.load(std::memory_order_relaxed); }

  private:
    friend class Picker;

    // All workers advance it by one a pick, relaxed: each needs a position of its own, nothing
    // more.
    struct alignas(64) Cursor {
        std::atomic<std::uint64_t> next{0};
    };

    static std::shared_ptr<const Candidates> build_at(std::vector<Member> members,
                                                      std::shared_ptr<Cursor> cursor, bool settled);

    std::vector<Member> eligible_;
    std::vector<std::uint32_t> order_;  // indices into eligible_; empty: stride schedules are used
    std::vector<std::uint32_t> weights_;  // reduced, of eligible_; only for stride schedules
    bool settled_ = true;
    std::shared_ptr<Cursor> cursor_;
};

/// One worker's way of picking from the candidates. Of one thread.
class Picker {
  public:
    /// `worker` (0, 1, …) of `workers` spreads the stride schedules, where those are used.
    Picker(std::shared_ptr<const Candidates> candidates, unsigned worker, unsigned workers);

    /// The next server in the order that is not among `tried` and has not been taken out meanwhile;
    /// null when there is none. A first try advances the order by one however many are passed over,
    /// a second one not at all; only a stride schedule lets the turns of those it passes over
    /// lapse.
    Server* pick(std::span<Server* const> tried);

    const Candidates& candidates() const { return *candidates_; }

  private:
    Server* pick_from_order(std::uint64_t position, std::span<Server* const> tried);
    Server* pick_by_stride(std::span<Server* const> tried);

    std::shared_ptr<const Candidates> candidates_;
    StrideSchedule stride_;
};

}  // namespace otto
