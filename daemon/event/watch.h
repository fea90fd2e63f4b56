#pragma once

#include <functional>
#include <memory>

#include "base/handle.h"
#include "base/result.h"
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

/// A signal delivered on the loop (signalfd(2)): no handler, nothing asynchronous. The signal stays
/// blocked in the thread that opens the watch, and in the threads that it starts later.
class SignalWatch {
  public:
    static Result<std::unique_ptr<SignalWatch>> open(const Loop& loop, int number,
                                                     std::function<void()> on_signal);
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

  private:
    SignalWatch(const Loop& loop, UniqueFd fd, std::function<void()> on_signal);
    void deliver();

    std::function<void()> on_signal_;
    UniqueFd fd_;
    Watch watch_;
};

}  // namespace otto
