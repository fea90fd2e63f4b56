#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "bench/sockets.h"

namespace exchanges {

using bench::fail;
using bench::Fd;
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

/// What has a descriptor in the loop. One whose descriptor is closed gets no further events.
class Watched {
  public:
    virtual ~Watched() = default;
    virtual void on_ready(std::uint32_t events) = 0;
};

/// A level-triggered epoll loop of one thread.
class Loop {
  public:
    Loop();

    void watch(int fd, std::uint32_t events, Watched& object);
    void change(int fd, std::uint32_t events, Watched& object);
    void unwatch(int fd);
    /// One wait for events of at most this long, and what they cause.
    void turn(Duration most);
    /// Frees the object at the end of the turn.
    void retire(std::unique_ptr<Watched> object) { retired_.push_back(std::move(object)); }

  private:
    friend class Timer;

    void run_timers();

    Fd epoll_;
    std::multimap<TimePoint, class Timer*> timers_;
    std::vector<std::unique_ptr<Watched>> retired_;
};

/// Calls back once, after the time that was set last.
class Timer {
  public:
    Timer(Loop& loop, std::function<void()> callback)
        : loop_(loop), callback_(std::move(callback)), place_(loop.timers_.end()) {}
    ~Timer() { cancel(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    void set(Duration wait);
    void cancel();
    bool is_set() const { return place_ != loop_.timers_.end(); }

  private:
    friend class Loop;

    Loop& loop_;
    std::function<void()> callback_;
    std::multimap<TimePoint, Timer*>::iterator place_;
};

}  // namespace exchanges
