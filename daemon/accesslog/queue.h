#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "accesslog/record_ring.h"
#include "base/handle.h"
#include "config/config.h"

namespace otto::accesslog {

/// The records on their way from the workers to the thread "otto-access", and the orders of the
/// control thread to it. Shared, because a write that hangs may outlive the AccessLog.
struct Queue {
    Queue(UniqueFd wake_, unsigned workers);

    /// Wakes the consumer: there is something to write, or an order. Any thread.
    void wake() const;

    /// One worker's records.
    struct Buffer {
        RecordRing ring{ring_capacity};
        // Records that found no room. Its worker writes, any thread reads, relaxed.
        std::atomic<std::uint64_t> dropped{0};
    };
    std::uint64_t dropped() const;

    static constexpr std::size_t ring_capacity = std::size_t{1} << 20;

    const UniqueFd wake_fd;  // an eventfd
    std::vector<std::unique_ptr<Buffer>> buffers;
    // Records that were taken from a ring but could not be written. The consumer writes, any
    // thread reads, relaxed.
    std::atomic<std::uint64_t> lost{0};
    // The target cannot be written, or records were lost within the last two seconds. The consumer
    // writes, any thread reads, relaxed.
    std::atomic<bool> bad{false};

    struct Orders {
        bool configured = false;  // `config` is new
        AccessLogConfig config;
        bool reopen = false;
        bool close = false;
        // RecordRing::end() of each buffer when the first of these was given: up to there records
        // are written as if there were none.
        std::vector<std::uint64_t> before;
    };
    std::mutex mutex;  // guards the rest
    Orders orders;
    bool ended = false;
    std::condition_variable ending;
};

}  // namespace otto::accesslog
