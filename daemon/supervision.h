#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "event/loop.h"
#include "event/timer.h"
#include "proxy/worker.h"
#include "sd/notifier.h"

namespace otto {

/// Keeps systemd's watchdog content as long as every worker answers: a beat is sent only when each
/// has answered the ping that followed the last beat. Control thread; its own loop's standstill
/// withholds the beat, too.
class Watchdog {
  public:
    Watchdog(const Loop& loop, Notifier& notifier,
             const std::vector<std::unique_ptr<Worker>>& workers, Duration interval);

    /// The longest time that a worker took, or has been taking by now, to answer the last ping.
    Duration lag() const;

  private:
    void check();
    void ping_all();

    Notifier& notifier_;
    const std::vector<std::unique_ptr<Worker>>& workers_;
    const Duration interval_;
    std::uint64_t pings_ = 0;
    TimePoint last_beat_;
    bool reported_ = false;
    Timer timer_;
};

/// Requests per second, over the last few seconds. Control thread.
class RequestRate {
  public:
    /// To be called about once a second with the count of all requests so far.
    void sample(std::uint64_t requests, TimePoint time);
    double per_second() const { return rate_; }

  private:
    static constexpr std::size_t window = 5;
    struct Sample {
        std::uint64_t requests;
        TimePoint time;
    };
    std::vector<Sample> samples_;
    double rate_ = 0;
};

}  // namespace otto
