#include "balance/policy_first.h"

namespace otto {

const Choice* first(std::span<const Choice> choices, Usable& usable) {
    for (const Choice& choice : choices)
        if (usable(choice)) return &choice;
    return nullptr;
}

}  // namespace otto
