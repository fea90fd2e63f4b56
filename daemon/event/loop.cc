#include "event/loop.h"

#include <utility>

namespace otto {

Result<Loop> Loop::open() {
    const std::unique_ptr<event_config, Deleter<event_config_free>> config(event_config_new());
    if (!config) return Error{"out of memory"};
    event_config_set_flag(config.get(), EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    event_config_set_flag(config.get(), EVENT_BASE_FLAG_NOLOCK);
    event_base* base = event_base_new_with_config(config.get());
    if (base == nullptr) return Error::from_errno("cannot create an event loop");
    return Loop(base);
}

Loop::Loop(event_base* base) : base_(base), closing_(std::make_unique<Closing>()) {
    const auto close_all = [](evutil_socket_t, short, void* closing) {
        static_cast<Closing*>(closing)->fds.clear();
    };
    closing_->timer.reset(evtimer_new(base, close_all, closing_.get()));
}

void Loop::close_later(UniqueFd fd) const {
    closing_->fds.push_back(std::move(fd));
    const timeval at_once{};
    if (evtimer_pending(closing_->timer.get(), nullptr) == 0)
        evtimer_add(closing_->timer.get(), &at_once);
}

bool Loop::run() {
    return event_base_loop(base_.get(), EVLOOP_NO_EXIT_ON_EMPTY) >= 0;
}

void Loop::stop() {
    event_base_loopbreak(base_.get());
}

}  // namespace otto
