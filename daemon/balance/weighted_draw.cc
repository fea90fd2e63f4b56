#include "balance/weighted_draw.h"

namespace otto {

namespace {

/// Uniform in [0, end).
std::uint64_t draw_below(Random& random, std::uint64_t end) {
    return static_cast<std::uint64_t>(random.fraction() * static_cast<double>(end));
}

}  // namespace

WeightedDraw::WeightedDraw(std::span<const Choice> choices) : columns_(choices.size()) {
    // With heights and amounts multiplied by N, everything stays whole.
    for (const Choice& choice : choices) height_ += choice.share;
    std::vector<std::uint32_t> low;
    std::vector<std::uint32_t> high;
    for (std::uint32_t index = 0; index < choices.size(); ++index) {
        columns_[index] = {choices[index].share * choices.size(), index};
        (columns_[index].own < height_ ? low : high).push_back(index);
    }
    while (!low.empty()) {
        Column& filled = columns_[low.back()];
        low.pop_back();
        filled.alias = high.back();
        Column& giver = columns_[high.back()];
        giver.own -= height_ - filled.own;
        if (giver.own >= height_) continue;
        low.push_back(high.back());
        high.pop_back();
    }
}

std::size_t WeightedDraw::draw(Random& random) const {
    const std::size_t index = draw_below(random, columns_.size());
    const Column& column = columns_[index];
    if (column.own >= height_) return index;
    return draw_below(random, height_) < column.own ? index : column.alias;
}

}  // namespace otto
