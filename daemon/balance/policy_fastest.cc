#include "balance/policy_fastest.h"

#include <cstddef>
#include <limits>
#include <memory>

#include "balance/choice.h"
#include "balance/weighted_draw.h"
#include "base/time.h"

namespace otto {

namespace {

constexpr int sample = 16;

/// The best of those it is shown.
class Race {
  public:
    Race(TimePoint now, Usable& usable) : now_(now), usable_(usable) {}

    void show(const Choice& choice) {
        const std::uint32_t active = choice.server->active();
        const double load = (active + 1.0) / choice.share;
        const auto latency = static_cast<double>(choice.server->latency(now_).count());
        if (latency == 0) {
            if (load < least_unknown_ && usable_(choice)) {
                least_unknown_ = load;
                unknown_ = &choice;
                unknown_idle_ = active == 0;
            }
        } else if (latency * load < least_ && usable_(choice)) {
            least_ = latency * load;
            known_ = &choice;
        }
        // Also of one that is full: it tells what to expect of the others.
        if (latency != 0 && latency < lowest_latency_) lowest_latency_ = latency;
    }

    const Choice* winner() const {
        if (unknown_ == nullptr || known_ == nullptr) return known_ ? known_ : unknown_;
        return unknown_idle_ || least_unknown_ * lowest_latency_ < least_ ? unknown_ : known_;
    }

  private:
    static constexpr double none = std::numeric_limits<double>::infinity();

    TimePoint now_;
    Usable& usable_;
    const Choice* known_ = nullptr;
    double least_ = none;  // time
    double lowest_latency_ = none;
    const Choice* unknown_ = nullptr;  // of unknown latency
    double least_unknown_ = none;      // load
    bool unknown_idle_ = false;
};

const Choice* fastest_of_all(std::span<const Choice> choices, Random& random, TimePoint now,
                             Usable& usable) {
    const std::size_t start = random.next() % choices.size();
    Race race(now, usable);
    for (const Choice& choice : choices.subspan(start)) race.show(choice);
    for (const Choice& choice : choices.first(start)) race.show(choice);
    return race.winner();
}

const Choice* fastest_of_some(std::span<const Choice> choices, const WeightedDraw& draw,
                              Random& random, TimePoint now, Usable& usable) {
    Race race(now, usable);
    for (int draws = 0; draws < sample; ++draws) race.show(choices[draw.draw(random)]);
    return race.winner();
}

}  // namespace

Plan plan_fastest(std::span<const Choice> choices) {
    if (choices.size() <= most_compared)
        return [choices](const Seat& seat) -> Chooser {
            return [choices, random = seat.random](const Asked& asked, bool /*takes_turn*/,
                                                   Usable& usable) mutable {
                return fastest_of_all(choices, random, asked.now, usable);
            };
        };
    return [choices, draw = std::make_shared<const WeightedDraw>(choices)](const Seat& seat) {
        return Chooser([choices, draw, random = seat.random](
                           const Asked& asked, bool /*takes_turn*/, Usable& usable) mutable {
            const Choice* choice = fastest_of_some(choices, *draw, random, asked.now, usable);
            return choice != nullptr ? choice : any_usable(choices, random, usable);
        });
    };
}

}  // namespace otto
