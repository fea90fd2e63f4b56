#pragma once

#include <functional>

#include "event/loop.h"

namespace otto {

/// What happened on a watched file descriptor. Errors count as both readable and writable.
struct Readiness {
    bool readable = false;
    bool writable = false;
    bool closed = false;  // the peer shut its side down (EPOLLRDHUP)
};

/// Watches a file descriptor, which it does not own and which must outlive it. Of the loop's
/// thread. Destroying it stops the watch; the callback may destroy it.
class Watch {
  public:
    enum class Interest { readable, writable, any_edge };  // any_edge: all three, edge-triggered

    Watch(const Loop& loop, int fd, Interest interest, std::function<void(Readiness)> on_ready);
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    void pause() { event_del(event_.get()); }
    void resume() { event_add(event_.get(), nullptr); }

  private:
    static void fired(evutil_socket_t fd, short what, void* self);

    std::function<void(Readiness)> on_ready_;
    EventHandle event_;
};

/// A signal delivered on the loop, in the main thread's loop only.
class SignalWatch {
  public:
    SignalWatch(const Loop& loop, int number, std::function<void()> on_signal);
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

  private:
    static void fired(evutil_socket_t number, short what, void* self);

    std::function<void()> on_signal_;
    EventHandle event_;
};

}  // namespace otto
