#include "admin/waiters.h"

#include <algorithm>
#include <utility>

namespace otto::admin {

namespace {

/// Requests that end are not announced to this thread, because that would cost all of them; so it
/// looks, while a client waits.
constexpr Duration look_again = std::chrono::milliseconds(20);

}  // namespace

Waiters::Waiters(const Loop& loop, std::function<bool()> settled, Release release)
    : settled_(std::move(settled)),
      release_(std::move(release)),
      timer_(loop, [this] { look(); }) {}

bool Waiters::may_hold(bool local) const {
    const auto remote = static_cast<std::size_t>(
        std::ranges::count_if(waiters_, [](const Waiter& each) { return !each.local; }));
    return waiters_.size() < most && (local || remote < most_over_tcp);
}

void Waiters::hold(Waiter waiter) {
    waiters_.push_back(std::move(waiter));
    timer_.set_after(Duration::zero());
}

void Waiters::forget(std::uint64_t ticket) {
    std::erase_if(waiters_, [ticket](const Waiter& each) { return each.ticket == ticket; });
}

void Waiters::look() {
    const bool settled = settled_();
    const TimePoint time = now();
    const auto over = [this, settled, time](const Waiter& waiter) {
        std::uint64_t active = 0;
        for (const auto& server : waiter.servers) active += server->active();
        const bool drained = settled && active == 0;
        if (!drained && time < waiter.deadline) return false;
        release_(waiter, drained, active);
        return true;
    };
    std::erase_if(waiters_, over);
    if (!waiters_.empty()) timer_.set_after(look_again);
}

}  // namespace otto::admin
