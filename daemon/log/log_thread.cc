#include "log/log_thread.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/phrases.h"
#include "base/thread.h"

namespace otto {

namespace {

constexpr std::size_t most_records = 4096;
constexpr std::size_t most_bytes = 4 * 1024 * 1024;
/// For what is left to write when Otto ends.
constexpr Duration farewell = std::chrono::seconds(3);

// Counted by the thread that drops, read by any, relaxed.
std::atomic<std::uint64_t> dropped_in_all{0};

std::size_t size_of(const LogRecord& record) {
    std::size_t size = sizeof(LogRecord) + record.text.size();
    for (const LogField& field : record.fields) size += sizeof(LogField) + field.value.size();
    return size;
}

LogRecord loss(std::uint64_t count) {
    return {
        .time = std::chrono::system_clock::now(),
        .priority = Priority::warning,
        .type = &messages::log_lossy,
        .text = fmt::format("{} lost because the log was blocked", counted(count, "log record")),
        .fields = {{"COUNT", std::to_string(count)}}};
}

struct Tap {
    std::mutex mutex;  // guards `call`, and is held while it runs
    LogTap call;
};

Tap& tap() {
    static Tap the_tap;
    return the_tap;
}

}  // namespace

/// What log() and the thread share. The thread may outlive its LogThread, not this.
struct LogThread::Queue {
    explicit Queue(Writer writer_) : writer(std::move(writer_)) {}

    // The one that log() uses; null: none.
    inline static std::mutex current_mutex;
    inline static std::shared_ptr<Queue> current;

    const Writer writer;
    std::mutex mutex;  // guards all that follows
    std::condition_variable changed;
    std::deque<LogRecord> records;
    std::size_t bytes = 0;
    std::uint64_t lost = 0;  // since the last report
    bool full = false;       // until half of it is written
    bool closing = false;
    bool abandoned = false;
    bool ended = false;

    void add(LogRecord&& record);
    void add_loss();
    void work();
};

void LogThread::Queue::add(LogRecord&& record) {
    const std::size_t size = size_of(record);
    if (records.size() >= most_records || bytes + size > most_bytes) full = true;
    if (full || abandoned) {
        ++lost;
        dropped_in_all.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    bytes += size;
    records.push_back(std::move(record));
    if (records.size() == 1) changed.notify_all();
}

/// Once there is room again.
void LogThread::Queue::add_loss() {
    if (records.size() > most_records / 2 || bytes > most_bytes / 2) return;
    full = false;
    if (lost != 0) add(loss(std::exchange(lost, 0)));
}

void LogThread::Queue::work() {
    std::unique_lock lock(mutex);
    for (;;) {
        changed.wait(lock, [this] { return !records.empty() || closing; });
        if (records.empty()) break;
        const LogRecord record = std::move(records.front());
        records.pop_front();
        bytes -= size_of(record);
        add_loss();
        lock.unlock();
        if (record.priority <= Priority::info) {
            const std::lock_guard tapping(tap().mutex);
            if (tap().call) tap().call(record);
        }
        writer(record);
        lock.lock();
        if (abandoned) break;
    }
    ended = true;
    changed.notify_all();
}

Result<std::unique_ptr<LogThread>> LogThread::start(Writer writer) {
    const auto queue = std::make_shared<Queue>(std::move(writer));
    auto thread = start_thread("otto-log", [queue] { queue->work(); });
    if (!thread) return thread.error();
    thread->detach();
    const std::lock_guard lock(Queue::current_mutex);
    Queue::current = queue;
    return std::unique_ptr<LogThread>(new LogThread(queue));
}

LogThread::~LogThread() {
    {
        std::unique_lock lock(queue_->mutex);
        queue_->closing = true;
        queue_->changed.notify_all();
        queue_->abandoned =
            !queue_->changed.wait_for(lock, farewell, [this] { return queue_->ended; });
        if (queue_->abandoned) return;
    }
    const std::lock_guard lock(Queue::current_mutex);
    Queue::current.reset();
}

bool LogThread::take(LogRecord&& record) {
    const std::lock_guard using_it(Queue::current_mutex);
    if (!Queue::current) return false;
    Queue& queue = *Queue::current;
    const std::lock_guard lock(queue.mutex);
    if (queue.ended) return false;
    queue.add(std::move(record));
    return true;
}

void set_log_tap(LogTap call) {
    const std::lock_guard lock(tap().mutex);
    tap().call = std::move(call);
}

std::uint64_t log_records_dropped() {
    return dropped_in_all.load(std::memory_order_relaxed);
}

}  // namespace otto
