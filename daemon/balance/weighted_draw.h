#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "balance/choice.h"
#include "base/random.h"

namespace otto {

/// Draws indices at random in proportion to shares, by Walker's alias method (Vose 1991): O(N) to
/// build, O(1) a draw. Immutable and pure.
class WeightedDraw {
  public:
    /// Nobody; draw() must not be called.
    WeightedDraw() = default;
    explicit WeightedDraw(std::span<const Choice> choices);

    std::size_t size() const { return columns_.size(); }
    std::size_t draw(Random& random) const;

  private:
    /// One of N columns of the same height, which two indices share.
    struct Column {
        std::uint64_t own;    // how much of the height is its own index's
        std::uint32_t alias;  // whose the rest is
    };

    std::vector<Column> columns_;
    std::uint64_t height_ = 0;
};

}  // namespace otto
