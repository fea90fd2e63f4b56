#include "event/mailbox.h"

#include <cstdint>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace otto {

Result<std::unique_ptr<Mailbox>> Mailbox::open(const Loop& loop) {
    UniqueFd wake(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!wake) return Error::from_errno("cannot create an eventfd");
    return std::unique_ptr<Mailbox>(new Mailbox(loop, std::move(wake)));
}

Mailbox::Mailbox(const Loop& loop, UniqueFd wake)
    : wake_(std::move(wake)),
      watch_(loop, wake_.get(), Watch::Interest::readable, [this](Readiness) { deliver(); }) {}

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

void Mailbox::deliver() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto taken = ::read(wake_.get(), &count, sizeof count);
    {
        const std::lock_guard lock(mutex_);
        delivering_.swap(waiting_);
    }
    for (Message& message : delivering_) message();
    delivering_.clear();
}

}  // namespace otto
