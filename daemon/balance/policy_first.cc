#include "balance/policy_first.h"

#include "balance/choice.h"

namespace otto {

Plan plan_first(std::span<const Choice> choices) {
    return [choices](const Seat& /*seat*/) -> Chooser {
        return [choices](const Asked& /*asked*/, bool /*takes_turn*/, Usable& usable) {
            return first_usable(choices, usable);
        };
    };
}

}  // namespace otto
