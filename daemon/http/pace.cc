#include "http/pace.h"

#include <algorithm>
#include <numeric>

namespace otto::http {

void Pace::run(TimePoint now, Bytes total) {
    running_ = true;
    from_ = now;
    total_ = total;
}

bool Pace::is_below(Bytes rate, TimePoint now, Bytes total) {
    // By the coarse clock, a timer may be a tick early.
    constexpr Duration tick = std::chrono::milliseconds(20);
    if (rate == 0 || now - from_ < step - tick) return false;
    moved_[next_] = total > total_ ? total - total_ : 0;
    next_ = static_cast<std::uint8_t>((next_ + 1) % moved_.size());
    known_ = static_cast<std::uint8_t>(std::min<std::size_t>(known_ + 1U, moved_.size()));
    run(now, total);
    constexpr Bytes seconds = 5;
    static_assert(step == std::chrono::seconds(seconds));
    return known_ == moved_.size() &&
           std::accumulate(moved_.begin(), moved_.end(), Bytes{0}) < rate * seconds * moved_.size();
}

}  // namespace otto::http
