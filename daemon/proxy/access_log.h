#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/handle.h"
#include "base/result.h"
#include "config/config.h"
#include "proxy/record_ring.h"

namespace otto {

/// Where workers leave records for the thread "otto-access", which writes them. Shared with that
/// thread, which may be left behind in a write that hangs.
struct AccessDesk {
    AccessDesk(UniqueFd wake_, unsigned workers);

    /// Any thread: there is something to write, or an order.
    void wake() const;

    /// One worker's records.
    struct Tray {
        RecordRing ring{ring_capacity};
        // Records that found no room. Its worker writes, anybody reads, relaxed.
        std::atomic<std::uint64_t> dropped{0};
    };
    std::uint64_t dropped() const;

    static constexpr std::size_t ring_capacity = std::size_t{1} << 20;

    const UniqueFd wake_fd;  // an eventfd
    std::vector<std::unique_ptr<Tray>> trays;
    // Records that were taken up but could not be written. The writing thread writes, anybody
    // reads, relaxed.
    std::atomic<std::uint64_t> lost{0};
    // The target cannot be written, or records were lost a moment ago. The same.
    std::atomic<bool> bad{false};

    struct Orders {
        bool configured = false;  // `config` is new
        AccessLogConfig config;
        bool reopen = false;
        bool close = false;
        // RecordRing::end() of each tray when the first of these was given: up to there records
        // are written as if there were none.
        std::vector<std::uint64_t> before;
    };
    std::mutex mutex;  // guards the rest
    Orders orders;
    bool ended = false;
    std::condition_variable ending;
};

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

    AccessDesk& desk() { return *desk_; }
    /// Whether the target cannot be written, or loses records. Any thread.
    bool bad() const { return desk_->bad.load(std::memory_order_relaxed); }
    /// Records lost so far. Any thread.
    std::uint64_t dropped() const { return desk_->dropped(); }

  private:
    void order(const std::function<void(AccessDesk::Orders&)>& give);

    explicit AccessLog(std::shared_ptr<AccessDesk> desk) : desk_(std::move(desk)) {}

    std::shared_ptr<AccessDesk> desk_;
    AccessLogConfig config_;  // that was ordered last
};

}  // namespace otto
