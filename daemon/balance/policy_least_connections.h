#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "balance/choice.h"
#include "balance/policy.h"

namespace otto {

/// Chooses the server with the fewest requests under way for its share: the lowest
/// (active + turn) / share.
///
/// `turn`, from 0 to 1, is 1/2 for a server that has had as many picks as are its due, more for one
/// that is ahead and less for one that is behind, by up to `window` picks. It decides between
/// servers that are otherwise equal, so that idle ones take turns by their shares, and makes up for
/// the fact that requests are whole: any fixed number in its place (1 is usual) would favour the
/// heavy or the light servers for ever. A server that cannot keep up is owed no more than the
/// window, and what it forgoes is due to all.
///
/// One worker's; a plain value that depends on nothing but what it is given. O(N) a pick.
class LeastConnections {
  public:
    static constexpr double window = 8;

    LeastConnections() = default;
    /// `start` is the index that is first among equals at first.
    LeastConnections(std::span<const Choice> choices, std::size_t start);

    /// Null when none is usable. `choices` are those of the constructor.
    const Choice* pick(std::span<const Choice> choices, Usable& usable);

  private:
    struct Turns {
        double part;       // that is due to it of each pick
        double ahead = 0;  // picks that it has had more than were its due
    };

    std::vector<Turns> turns_;
    double due_ = 0;  // picks that are to be shared out: the last one, and what was forgone
    std::size_t start_ = 0;
};

/// LeastConnections of all choices. Of many, the lowest active / share of a sample that is drawn by
/// share, the one drawn first among equals.
Plan plan_least_connections(std::span<const Choice> choices);

}  // namespace otto
