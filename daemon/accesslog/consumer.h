#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "accesslog/format.h"
#include "accesslog/queue.h"
#include "accesslog/target.h"
#include "base/result.h"
#include "base/time.h"
#include "config/config.h"

namespace otto::accesslog {

/// What the thread "otto-access" does: takes records from the workers' rings, formats them and
/// writes them in batches. While the target fails or accepts nothing, the records stay in the
/// rings, and workers drop what no longer fits. The consumer logs that, and recovers by itself.
class Consumer {
  public:
    /// How long it may take to write what is left at the end.
    static constexpr Duration shutdown_deadline = std::chrono::milliseconds(2500);

    explicit Consumer(Queue& queue) : queue_(queue) {}

    /// Returns after an order to close.
    void run();

  private:
    enum class Progress : std::uint8_t {
        done,     // everything is written
        blocked,  // the target takes nothing for now
        failed,   // it cannot be written; another try is due at `retry_at_`
    };

    void take_orders();
    void change_to(const AccessLogConfig& config);
    Progress write_all(std::span<const std::uint64_t> ends);
    void spell(std::span<const char> bytes);
    Progress flush();
    bool open_target();
    void let_target_go();
    void drop_buffer();
    bool anything_waits() const;
    void discard_all(std::span<const std::uint64_t> ends);

    void report_trouble(const Error& error);
    void report_recovery();
    void report_losses(Progress progress);
    void report_rest();
    std::string name() const;

    void wait(Progress progress) const;

    Queue& queue_;
    AccessLogConfig config_;
    Format format_;
    std::unique_ptr<Target> target_;   // null: none, or it failed
    std::string buffer_;               // spelt, not written
    std::vector<std::uint64_t> ends_;  // of the rings, when orders were looked at
    TimePoint retry_at_{};
    // As soon as no record is begun: its rest belongs to the reader who has the beginning.
    bool reopen_when_whole_ = false;
    bool reopen_due_ = false;  // the new file could not be opened, the old one is still written
    bool closing_ = false;
    TimePoint close_by_{};

    std::string trouble_;      // that was reported; "": none
    std::uint64_t seen_ = 0;   // records lost, when last looked
    std::uint64_t told_ = 0;   // of these in the log
    std::uint64_t start_ = 0;  // lost before the present run of losses
    TimePoint seen_at_{};      // the last loss
    TimePoint told_at_{};      // the last record about it
    bool lossy_ = false;       // a run of losses has been reported, and its end has not
};

}  // namespace otto::accesslog
