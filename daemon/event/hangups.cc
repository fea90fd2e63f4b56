#include "event/hangups.h"

#include <utility>

#include <sys/epoll.h>

namespace otto {

Result<std::unique_ptr<Hangups>> Hangups::open(const Loop& loop,
                                               std::function<void(void*)> on_hangup) {
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return Error::from_errno("cannot create an epoll set");
    return std::unique_ptr<Hangups>(new Hangups(loop, std::move(epoll), std::move(on_hangup)));
}

Hangups::Hangups(const Loop& loop, UniqueFd epoll, std::function<void(void*)> on_hangup)
    : on_hangup_(std::move(on_hangup)),
      epoll_(std::move(epoll)),
      watch_(loop, epoll_.get(), Watch::Interest::readable, [this](Readiness) { deliver(); }) {}

void Hangups::watch(int fd, void* owner, bool half_closed) {
    epoll_event event{.events = half_closed ? 0U : EPOLLRDHUP,  // errors come unasked
                      .data = {.ptr = owner}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Hangups::forget(int fd) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

/// One at a time, since an owner may end others; the rest is reported in the next turn.
void Hangups::deliver() {
    epoll_event event{};
    if (::epoll_wait(epoll_.get(), &event, 1, 0) == 1) on_hangup_(event.data.ptr);
}

}  // namespace otto
