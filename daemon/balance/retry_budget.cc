#include "balance/retry_budget.h"

#include <algorithm>

namespace otto {

namespace {

/// How much is saved up for later: what this many requests and seconds bring in.
constexpr double window_requests = 500;
constexpr double window_seconds = 10;

}  // namespace

void RetryBudget::configure(double percent, double per_second) {
    const bool first = most_ == 0;
    per_request_ = percent / 100;
    per_second_ = per_second;
    most_ = window_requests * per_request_ + window_seconds * per_second_;
    saved_ = first ? window_seconds * per_second_ : std::min(saved_, most_);
}

void RetryBudget::deposit() {
    saved_ = std::min(most_, saved_ + per_request_);
}

bool RetryBudget::withdraw(TimePoint now) {
    if (refilled_ != TimePoint{}) {
        const double seconds = std::chrono::duration<double>(now - refilled_).count();
        saved_ = std::min(most_, saved_ + seconds * per_second_);
    }
    refilled_ = now;
    if (saved_ < 1) return false;
    saved_ -= 1;
    return true;
}

}  // namespace otto
