#include "event/watch.h"

#include <utility>

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

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

Result<std::unique_ptr<SignalWatch>> SignalWatch::open(const Loop& loop, int number,
                                                       std::function<void()> on_signal) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    UniqueFd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd) return Error::from_errno("cannot wait for signals");
    return std::unique_ptr<SignalWatch>(new SignalWatch(loop, std::move(fd), std::move(on_signal)));
}

SignalWatch::SignalWatch(const Loop& loop, UniqueFd fd, std::function<void()> on_signal)
    : on_signal_(std::move(on_signal)),
      fd_(std::move(fd)),
      watch_(loop, fd_.get(), Watch::Interest::readable, [this](Readiness) { deliver(); }) {}

void SignalWatch::deliver() {
    signalfd_siginfo signal{};
    if (::read(fd_.get(), &signal, sizeof signal) == sizeof signal) on_signal_();
}

}  // namespace otto
