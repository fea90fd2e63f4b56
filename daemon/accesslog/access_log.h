#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "accesslog/queue.h"
#include "base/result.h"
#include "config/config.h"

namespace otto::accesslog {

/// The access log: a thread that writes what the workers leave for it, to where the configuration
/// says. Owned and used by the control thread; outlives the workers. A target that takes nothing
/// costs neither them nor the control thread anything: records are dropped and counted, which the
/// journal tells once a minute.
class AccessLog {
  public:
    static Result<std::unique_ptr<AccessLog>> open(unsigned workers);
    /// Writes what is left, in three seconds at most.
    ~AccessLog();
    AccessLog(const AccessLog&) = delete;
    AccessLog& operator=(const AccessLog&) = delete;

    void configure(const AccessLogConfig& config);
    /// Opens the file anew, since it was renamed.
    void reopen();

    Queue& queue() { return *queue_; }
    /// Whether the target cannot be written, or loses records. Any thread.
    bool bad() const { return queue_->bad.load(std::memory_order_relaxed); }
    /// Records lost so far. Any thread.
    std::uint64_t dropped() const { return queue_->dropped(); }

  private:
    void order(const std::function<void(Queue::Orders&)>& give);

    explicit AccessLog(std::shared_ptr<Queue> queue) : queue_(std::move(queue)) {}

    std::shared_ptr<Queue> queue_;
    AccessLogConfig config_;  // that was ordered last
};

}  // namespace otto::accesslog
