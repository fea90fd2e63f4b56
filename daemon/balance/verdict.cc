#include "balance/verdict.h"

#include <utility>

namespace otto {

bool Verdict::record(bool passed, unsigned healthy_after, unsigned unhealthy_after) {
    const Health shown = passed ? Health::healthy : Health::unhealthy;
    if (health_ == shown) {
        streak_ = 0;
        return false;
    }
    ++streak_;
    const bool first = health_ == Health::unknown;
    if (!first && streak_ < (passed ? healthy_after : unhealthy_after)) return false;
    return decide(shown);
}

bool Verdict::decide(Health health) {
    streak_ = 0;
    return std::exchange(health_, health) != health;
}

}  // namespace otto
