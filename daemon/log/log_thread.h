#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "base/time.h"
#include "log/journal.h"

namespace otto {

/// The thread "otto-log": writes what log() is told, in that order, so that a stopped journald or a
/// terminal that is held costs those who log nothing. It holds up to 4,096 records or 4 MiB; what
/// comes on top is dropped until half of that is written, and one record tells how many were lost.
/// At most one at a time, owned by whoever runs the process, who makes and destroys it.
class LogThread {
  public:
    /// Writes one record, on the thread; may block for as long as it likes, even beyond the end of
    /// the LogThread.
    using Writer = std::function<void(const LogRecord&)>;

    /// log() is asynchronous from here on.
    static Result<std::unique_ptr<LogThread>> start(Writer writer = write_log_record);
    /// Waits until everything is written, for three seconds at most: then the thread is left
    /// behind, and whatever is logged from there on is dropped.
    ~LogThread();
    LogThread(const LogThread&) = delete;
    LogThread& operator=(const LogThread&) = delete;

    /// For log(): queues or drops the record; false when no thread runs. Any thread.
    static bool take(LogRecord&& record);

  private:
    struct Queue;

    explicit LogThread(std::shared_ptr<Queue> queue) : queue_(std::move(queue)) {}

    std::shared_ptr<Queue> queue_;
};

/// Records lost since the process began. Any thread.
std::uint64_t log_records_dropped();

}  // namespace otto
