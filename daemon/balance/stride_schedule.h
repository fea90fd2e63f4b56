#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace otto {

/// Gives out turns in proportion to weights, one at a time and for ever, without a table: the k-th
/// turn of a member with weight w out of a sum W may start at slot k·W/w and is due by slot
/// (k+1)·W/w; each slot goes to the started turn that is due first, equals in the order of their
/// indices. That is worst-case fair weighted fair queueing (WF²Q, Bennett and Zhang 1996) of equal
/// jobs: in every W slots from the first a member has exactly w turns, its k-th never before its
/// start, and it never waits longer than 2·W/w slots. Integers only, so nothing drifts. O(N) to
/// build, O(log N) a turn (O(N) once in W turns). A plain value of one thread.
class StrideSchedule {
  public:
    /// No members; next() must not be called.
    StrideSchedule() = default;
    /// A member for each weight, those of weight 0 getting no turn; their sum stays below 2^32.
    /// `start`, modulo the sum, is the slot to begin with: every member is within one turn of its
    /// share of the slots before.
    StrideSchedule(std::span<const std::uint32_t> weights, std::uint64_t start);

    bool empty() const { return cycle_ == 0; }
    /// The sum of the weights: the number of turns after which the order repeats.
    std::uint64_t cycle() const { return cycle_; }
    /// The index of the weight whose turn it is.
    std::uint32_t next();

  private:
    struct Turn {
        std::uint32_t index;
        std::uint32_t weight;
        std::uint32_t number;  // k: how many it has had in this cycle
    };
    static bool due_later(const Turn& a, const Turn& b);
    static bool starts_later(const Turn& a, const Turn& b);

    bool started(const Turn& turn) const { return turn.number * cycle_ <= slot_ * turn.weight; }
    void begin_cycle();

    std::vector<Turn> ready_;    // started; a heap whose top is due first
    std::vector<Turn> waiting_;  // not started when last looked at; a heap whose top starts first
    std::uint64_t cycle_ = 0;
    std::uint64_t slot_ = 0;  // of the next turn; 0 to cycle_
};

}  // namespace otto
