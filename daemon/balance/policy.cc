#include "balance/policy.h"

#include <algorithm>
#include <array>

#include "balance/policy_fastest.h"
#include "balance/policy_first.h"
#include "balance/policy_ip_hash.h"
#include "balance/policy_least_connections.h"
#include "balance/policy_round_robin.h"
#include "balance/policy_two_choices.h"

namespace otto {

std::span<const Policy> policies() {
    static constexpr std::array table{
        Policy{.name = "round-robin", .plan = plan_round_robin},
        Policy{.name = "least-connections", .plan = plan_least_connections},
        Policy{.name = "two-choices", .plan = plan_two_choices},
        Policy{.name = "fastest", .plan = plan_fastest, .by_latency = true},
        Policy{.name = "ip-hash", .plan = plan_ip_hash, .by_client = true},
        Policy{.name = "first", .plan = plan_first, .in_order = true},
    };
    return table;
}

const Policy* find_policy(std::string_view name) {
    const auto found = std::ranges::find(policies(), name, &Policy::name);
    return found == policies().end() ? nullptr : &*found;
}

}  // namespace otto
