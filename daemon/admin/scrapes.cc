#include "admin/scrapes.h"

#include <utility>

namespace otto::admin {

namespace {

/// For which a page may occupy the loop at a time; the last step of it may exceed that.
constexpr Duration stretch = std::chrono::milliseconds(1);

}  // namespace

Scrapes::Scrapes(const Loop& loop, Callbacks callbacks)
    : callbacks_(std::move(callbacks)), turn_(loop, [this] { work(); }) {}

void Scrapes::ask(std::uint64_t ticket) {
    waiting_.push_back(ticket);
    if (!page_) turn_.set_after({});
}

void Scrapes::work() {
    const TimePoint until = now() + stretch;
    if (!page_) {
        served_ = std::exchange(waiting_, {});
        page_.emplace(callbacks_.read(), last_size_ + last_size_ / 8);
    }
    while (page_->step()) {
        if (now() < until) continue;
        turn_.set_after({});
        return;
    }
    std::string text = page_->take();
    last_size_ = text.size();
    page_.reset();
    const std::vector<std::uint64_t> served = std::exchange(served_, {});
    for (std::size_t at = 0; at < served.size(); ++at)
        callbacks_.answer(served[at], at + 1 < served.size() ? text : std::move(text));
    if (!waiting_.empty()) turn_.set_after({});
}

}  // namespace otto::admin
