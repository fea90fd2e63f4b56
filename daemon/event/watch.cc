#include "event/watch.h"

#include <utility>

namespace otto {

namespace {

short events_of(Watch::Interest interest) {
    switch (interest) {
        case Watch::Interest::readable:
            return EV_READ | EV_PERSIST;
        case Watch::Interest::writable:
            return EV_WRITE | EV_PERSIST;
        case Watch::Interest::any_edge:
            return EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST;
    }
    return 0;
}

}  // namespace

Watch::Watch(const Loop& loop, int fd, Interest interest, std::function<void(Readiness)> on_ready)
    : on_ready_(std::move(on_ready)),
      event_(event_new(loop.base(), fd, events_of(interest), fired, this)) {
    resume();
}

void Watch::fired(evutil_socket_t, short what, void* self) {
    static_cast<Watch*>(self)->on_ready_({.readable = (what & EV_READ) != 0,
                                          .writable = (what & EV_WRITE) != 0,
                                          .closed = (what & EV_CLOSED) != 0});
}

SignalWatch::SignalWatch(const Loop& loop, int number, std::function<void()> on_signal)
    : on_signal_(std::move(on_signal)), event_(evsignal_new(loop.base(), number, fired, this)) {
    event_add(event_.get(), nullptr);
}

void SignalWatch::fired(evutil_socket_t, short, void* self) {
    static_cast<SignalWatch*>(self)->on_signal_();
}

}  // namespace otto
