#include "event/mailbox.h"

#include <cstdint>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace otto {

namespace {

/// For which messages are delivered in one turn of the loop.
constexpr Duration max_time = std::chrono::milliseconds(2);

}  // namespace

Result<std::unique_ptr<Mailbox>> Mailbox::open(const Loop& loop) {
    UniqueFd wake(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!wake) return Error::from_errno("cannot create an eventfd");
    return std::unique_ptr<Mailbox>(new Mailbox(loop, std::move(wake)));
}

Mailbox::Mailbox(const Loop& loop, UniqueFd wake)
    : wake_(std::move(wake)),
      go_on_(loop, [this] { deliver(); }),
      watch_(loop, wake_.get(), Watch::Interest::readable, [this](Readiness) { wake_up(); }) {}

void Mailbox::post(Message message) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = waiting_.empty();
        waiting_.push_back(std::move(message));
    }
    if (!first) return;
    const std::uint64_t one = 1;
    // Fails only when the counter is full, in which case the loop is about to wake up anyway.
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

void Mailbox::wake_up() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto taken = ::read(wake_.get(), &count, sizeof count);
    deliver();
}

/// What was posted by now, as far as the time allows. Messages that these post wait for the next
/// turn.
void Mailbox::deliver() {
    if (next_ == delivering_.size()) {
        delivering_.clear();
        next_ = 0;
        const std::lock_guard lock(mutex_);
        delivering_.swap(waiting_);
    }
    const TimePoint end = now() + max_time;
    while (next_ < delivering_.size()) {
        const Message message = std::move(delivering_[next_++]);
        message();
        if (now() >= end) break;
    }
    const std::lock_guard lock(mutex_);
    if (next_ < delivering_.size() || !waiting_.empty()) go_on_.schedule();
}

}  // namespace otto
