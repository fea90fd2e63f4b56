#pragma once

#include <cstddef>

#include "accesslog/queue.h"
#include "accesslog/record.h"
#include "base/random.h"
#include "config/config.h"
#include "event/loop.h"
#include "event/timer.h"

namespace otto::accesslog {

/// A worker's side of the access log: puts records into the worker's ring, without a lock, an
/// allocation or a system call. It wakes the consumer when a quarter of the ring is full, or 100 ms
/// after the first record. Owned by the worker, used on its thread.
class Writer {
  public:
    Writer(const Loop& loop, Queue& queue, unsigned worker);

    void configure(const AccessLogConfig& config);
    bool enabled() const { return sample_ > 0; }
    /// Records the request if the sample has it. Without room in the ring the record is dropped
    /// and counted.
    void write(const Ended& ended);

  private:
    void wake_consumer();

    Queue& queue_;
    Queue::Buffer& buffer_;
    double sample_ = 0;  // 0: the log is off
    Random random_;
    std::size_t unannounced_ = 0;  // bytes since the consumer was woken
    Timer timer_;
};

}  // namespace otto::accesslog
