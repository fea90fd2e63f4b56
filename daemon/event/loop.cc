#include "event/loop.h"

#include <utility>

#include "event/deferred.h"

namespace otto {

namespace {

/// For which deferred work may go on in one turn.
constexpr Duration max_deferred_time = std::chrono::milliseconds(4);
constexpr unsigned max_timers = 128;

}  // namespace

void LoopLink::unlink() {
    next->before = before;
    before->next = next;
    next = before = this;
}

void LoopLink::insert_before(LoopLink& link) {
    link.next = this;
    link.before = before;
    before->next = &link;
    before = &link;
}

Loop::Later::Later(event_base* base) : timers_left(max_timers) {
    const auto fired = [](evutil_socket_t, short, void* self) { static_cast<Later*>(self)->run(); };
    event.reset(evtimer_new(base, fired, this));
}

void Loop::Later::arm() {
    if (std::exchange(armed, true)) return;
    const timeval at_once{};
    evtimer_add(event.get(), &at_once);
}

void Loop::Later::run() {
    armed = false;
    timers_left = max_timers;
    closable.clear();
    closable.swap(closing);
    if (!closable.empty()) arm();
    while (tasks.linked()) {
        LoopLink& task = *tasks.next;
        task.unlink();
        remaining.insert_before(task);
    }
    if (!remaining.linked()) return;
    const TimePoint end = now() + max_deferred_time;
    do {
        auto& task = static_cast<Deferred&>(*remaining.next);
        task.unlink();
        task.work_();
    } while (remaining.linked() && now() < end);
    if (remaining.linked()) arm();
}

bool Loop::Later::take_timer() {
    if (timers_left > 0) {
        --timers_left;
        return true;
    }
    arm();
    return false;
}

Result<Loop> Loop::open() {
    const std::unique_ptr<event_config, Deleter<event_config_free>> config(event_config_new());
    if (!config) return Error{"out of memory"};
    event_config_set_flag(config.get(), EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    event_config_set_flag(config.get(), EVENT_BASE_FLAG_NOLOCK);
    event_base* base = event_base_new_with_config(config.get());
    if (base == nullptr) return Error::from_errno("cannot create an event loop");
    return Loop(base);
}

Loop::Loop(event_base* base) : base_(base), later_(std::make_unique<Later>(base)) {}

void Loop::close_later(UniqueFd fd) const {
    later_->closing.push_back(std::move(fd));
    later_->arm();
}

bool Loop::run() {
    return event_base_loop(base_.get(), EVLOOP_NO_EXIT_ON_EMPTY) >= 0;
}

void Loop::stop() {
    event_base_loopbreak(base_.get());
}

}  // namespace otto
