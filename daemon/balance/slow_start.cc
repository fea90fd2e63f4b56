#include "balance/slow_start.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace otto {

void SlowStart::configure(Duration length) {
    length_ = length;
    step_ = std::max(Duration(length / (steps - 1)), Duration(1));
}

void SlowStart::note(std::vector<std::uint64_t> in, TimePoint now, bool at_once) {
    std::sort(in.begin(), in.end());
    std::erase_if(began_, [&, this](const auto& each) {
        return level(each.first, now) == steps ||
               !std::binary_search(in.begin(), in.end(), each.first);
    });
    if (!at_once && length_ > Duration::zero()) {
        std::vector<std::uint64_t> added;
        std::set_difference(in.begin(), in.end(), in_.begin(), in_.end(),
                            std::back_inserter(added));
        for (const std::uint64_t server : added) began_.emplace(server, now);
    }
    in_ = std::move(in);
}

unsigned SlowStart::level(std::uint64_t server, TimePoint now) const {
    if (began_.empty()) return steps;
    const auto found = began_.find(server);
    if (found == began_.end() || length_ <= Duration::zero()) return steps;
    const TimePoint first = first_step(found->second);
    if (now < first) return 1;
    const auto taken = (now - first) / step_ + 1;
    return taken >= steps ? steps : static_cast<unsigned>(taken) + 1;
}

std::optional<TimePoint> SlowStart::next_step(TimePoint now) const {
    if (!growing()) return std::nullopt;
    return TimePoint((now.time_since_epoch() / step_ + 1) * step_);
}

/// Steps are taken where the clock is a multiple of them, the same for all servers.
TimePoint SlowStart::first_step(TimePoint began) const {
    const Duration since = began.time_since_epoch();
    return TimePoint((since / step_ + (since % step_ == Duration::zero() ? 1 : 2)) * step_);
}

}  // namespace otto
