#include "balance/smooth_order.h"

#include <numeric>

#include "balance/stride_schedule.h"

namespace otto {

std::vector<std::uint32_t> reduced_weights(std::span<const std::uint32_t> weights) {
    std::uint32_t divisor = 0;
    for (const std::uint32_t weight : weights) {
        divisor = std::gcd(divisor, weight);
        if (divisor == 1) break;
    }
    std::vector<std::uint32_t> reduced(weights.begin(), weights.end());
    if (divisor <= 1) return reduced;
    for (std::uint32_t& weight : reduced) weight /= divisor;
    return reduced;
}

std::vector<std::uint32_t> smooth_order(std::span<const std::uint32_t> weights,
                                        std::size_t max_slots) {
    const std::vector<std::uint32_t> reduced = reduced_weights(weights);
    const auto slots = std::accumulate(reduced.begin(), reduced.end(), std::uint64_t{0});
    if (slots > max_slots) return {};
    StrideSchedule schedule(reduced, 0);
    std::vector<std::uint32_t> order(slots);
    for (std::uint32_t& index : order) index = schedule.next();
    return order;
}

}  // namespace otto
