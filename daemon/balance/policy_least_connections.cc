#include "balance/policy_least_connections.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "balance/weighted_draw.h"
#include "base/random.h"

namespace otto {

namespace {

constexpr int sample = 16;

const Choice* least_connections_of_some(std::span<const Choice> choices, const WeightedDraw& draw,
                                        Random& random, Usable& usable) {
    const Choice* best = nullptr;
    double least = std::numeric_limits<double>::infinity();
    for (int draws = 0; draws < sample; ++draws) {
        const Choice& choice = choices[draw.draw(random)];
        const double load = static_cast<double>(choice.server->active()) / choice.share;
        if (load >= least || !usable(choice)) continue;
        least = load;
        best = &choice;
    }
    return best;
}

}  // namespace

LeastConnections::LeastConnections(std::span<const Choice> choices, std::size_t start)
    : start_(choices.empty() ? 0 : start % choices.size()) {
    double shares = 0;
    for (const Choice& choice : choices) shares += choice.share;
    turns_.reserve(choices.size());
    for (const Choice& choice : choices) turns_.push_back({choice.share / shares, 0});
}

const Choice* LeastConnections::pick(std::span<const Choice> choices, Usable& usable) {
    std::size_t best = choices.size();
    double least = std::numeric_limits<double>::infinity();
    double forgone = 0;
    std::size_t index = start_;
    for (std::size_t left = choices.size(); left > 0; --left) {
        const Choice& choice = choices[index];
        double& ahead = turns_[index].ahead;
        ahead -= due_ * turns_[index].part;
        if (ahead < -window) {
            forgone += -window - ahead;
            ahead = -window;
        }
        const double turn = 0.5 + std::min(ahead, window) / (2 * window);
        const double load = (choice.server->active() + turn) / choice.share;
        if (load < least && usable(choice)) {
            least = load;
            best = index;
        }
        index = index + 1 == choices.size() ? 0 : index + 1;
    }
    due_ = forgone;
    if (best == choices.size()) return nullptr;
    due_ += 1;
    turns_[best].ahead += 1;
    return &choices[best];
}

Plan plan_least_connections(std::span<const Choice> choices) {
    if (choices.size() <= most_compared)
        return [choices](const Seat& seat) -> Chooser {
            Random random = seat.random;
            return [choices, turns = LeastConnections(choices, random.next())](
                       const Asked& /*asked*/, bool /*takes_turn*/, Usable& usable) mutable {
                return turns.pick(choices, usable);
            };
        };
    return [choices, draw = std::make_shared<const WeightedDraw>(choices)](const Seat& seat) {
        return Chooser([choices, draw, random = seat.random](
                           const Asked& /*asked*/, bool /*takes_turn*/, Usable& usable) mutable {
            const Choice* choice = least_connections_of_some(choices, *draw, random, usable);
            return choice != nullptr ? choice : any_usable(choices, random, usable);
        });
    };
}

}  // namespace otto
