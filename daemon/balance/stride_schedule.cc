#include "balance/stride_schedule.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace otto {

bool StrideSchedule::due_later(const Turn& a, const Turn& b) {
    const std::uint64_t left = (a.number + std::uint64_t{1}) * b.weight;
    const std::uint64_t right = (b.number + std::uint64_t{1}) * a.weight;
    return left != right ? left > right : a.index > b.index;
}

bool StrideSchedule::starts_later(const Turn& a, const Turn& b) {
    return std::uint64_t{a.number} * b.weight > std::uint64_t{b.number} * a.weight;
}

StrideSchedule::StrideSchedule(std::span<const std::uint32_t> weights, std::uint64_t start)
    : cycle_(std::accumulate(weights.begin(), weights.end(), std::uint64_t{0})) {
    if (cycle_ == 0) return;
    slot_ = start % cycle_;
    ready_.reserve(weights.size());
    waiting_.reserve(weights.size());

    // Whole turns are given to everyone, what is left of the slots before to those due first.
    std::uint64_t left = slot_;
    for (std::uint32_t index = 0; index < weights.size(); ++index) {
        if (weights[index] == 0) continue;
        const std::uint64_t number = slot_ * weights[index] / cycle_;
        left -= number;
        ready_.push_back({index, weights[index], static_cast<std::uint32_t>(number)});
    }
    const auto under_way = std::partition(ready_.begin(), ready_.end(), [this](const Turn& turn) {
        return turn.number * cycle_ < slot_ * turn.weight;
    });
    const auto given = ready_.begin() + static_cast<std::ptrdiff_t>(left);
    std::nth_element(ready_.begin(), given, under_way,
                     [](const Turn& a, const Turn& b) { return due_later(b, a); });
    for (auto turn = ready_.begin(); turn != given; ++turn) {
        ++turn->number;
        waiting_.push_back(*turn);
    }
    ready_.erase(ready_.begin(), given);
    std::make_heap(ready_.begin(), ready_.end(), due_later);
    std::make_heap(waiting_.begin(), waiting_.end(), starts_later);
}

std::uint32_t StrideSchedule::next() {
    if (slot_ == cycle_) begin_cycle();
    while (!waiting_.empty() && started(waiting_.front())) {
        ready_.push_back(waiting_.front());
        std::push_heap(ready_.begin(), ready_.end(), due_later);
        std::pop_heap(waiting_.begin(), waiting_.end(), starts_later);
        waiting_.pop_back();
    }
    std::pop_heap(ready_.begin(), ready_.end(), due_later);
    Turn turn = ready_.back();
    ready_.pop_back();
    ++turn.number;
    ++slot_;
    waiting_.push_back(turn);
    std::push_heap(waiting_.begin(), waiting_.end(), starts_later);
    return turn.index;
}

void StrideSchedule::begin_cycle() {
    // Every choice has had all its turns, so none is ready, and the next ones all start here.
    ready_.swap(waiting_);
    for (Turn& turn : ready_) turn.number = 0;
    std::make_heap(ready_.begin(), ready_.end(), due_later);
    slot_ = 0;
}

}  // namespace otto
