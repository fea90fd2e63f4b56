#include "log/log_thread.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

namespace otto {
namespace {

using namespace std::chrono_literals;

// What the thread has written; it can be held, as a stopped journald holds it.
class Paper {
  public:
    LogThread::Writer writer() {
        return [paper = shared_](const LogRecord& record) { paper->write(record); };
    }
    void hold(bool held) {
        const std::lock_guard lock(shared_->mutex);
        shared_->held = held;
        shared_->changed.notify_all();
    }
    // Waits until the writer is within its call for the first record.
    void await_stuck() {
        std::unique_lock lock(shared_->mutex);
        shared_->changed.wait(lock, [this] { return shared_->stuck; });
    }
    std::vector<LogRecord> records() const {
        const std::lock_guard lock(shared_->mutex);
        return shared_->records;
    }
    std::vector<std::string> texts() const {
        std::vector<std::string> list;
        for (const LogRecord& record : records()) list.push_back(record.text);
        return list;
    }

  private:
    struct Shared {
        std::mutex mutex;
        std::condition_variable changed;
        bool held = false;
        bool stuck = false;
        std::vector<LogRecord> records;

        void write(const LogRecord& record) {
            std::unique_lock lock(mutex);
            stuck = held;
            changed.notify_all();
            changed.wait(lock, [this] { return !held; });
            stuck = false;
            records.push_back(record);
        }
    };

    std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

std::unique_ptr<LogThread> start(Paper& paper) {
    auto thread = LogThread::start(paper.writer());
    EXPECT_TRUE(thread);
    return std::move(*thread);
}

TEST(LogThread, WritesAllInOrderBeforeItEnds) {
    Paper paper;
    std::vector<std::string> expected;
    {
        const auto thread = start(paper);
        for (int i = 0; i < 1000; ++i) {
            expected.push_back(std::to_string(i));
            log(Priority::info, nullptr, expected.back());
        }
    }
    EXPECT_EQ(paper.texts(), expected);
    EXPECT_FALSE(LogThread::take({}));
}

TEST(LogThread, KeepsTheRecordAsItWas) {
    Paper paper;
    const auto before = std::chrono::system_clock::now();
    {
        const auto thread = start(paper);
        log(Priority::warning, &messages::server_unhealthy, "out", {{"SERVER", "a"}});
    }
    const auto records = paper.records();
    ASSERT_EQ(records.size(), 1U);
    EXPECT_GE(records[0].time, before);
    EXPECT_EQ(records[0].priority, Priority::warning);
    EXPECT_EQ(records[0].type, &messages::server_unhealthy);
    EXPECT_EQ(journal_record(records[0]).back(), "OTTO_SERVER=a");
}

TEST(LogThread, ThatIsHeldDropsAndTellsHowMany) {
    Paper paper;
    const std::uint64_t dropped_before = log_records_dropped();
    {
        const auto thread = start(paper);
        paper.hold(true);
        log(Priority::info, nullptr, "held");
        paper.await_stuck();
        for (int i = 0; i < 5000; ++i) log(Priority::info, nullptr, std::to_string(i));
        paper.hold(false);
    }
    const auto records = paper.records();
    ASSERT_EQ(records.size(), 1U + 4096U + 1U);
    EXPECT_EQ(records[4096].text, "4095");
    EXPECT_EQ(records.back().type, &messages::log_lossy);
    EXPECT_EQ(records.back().fields.at(0).value, "904");
    EXPECT_EQ(log_records_dropped() - dropped_before, 904U);
}

TEST(LogThread, BoundsBytesAsWell) {
    Paper paper;
    {
        const auto thread = start(paper);
        paper.hold(true);
        log(Priority::info, nullptr, "held");
        paper.await_stuck();
        const std::string large(100'000, 'x');
        for (int i = 0; i < 100; ++i) log(Priority::info, nullptr, large);
        paper.hold(false);
    }
    const auto records = paper.records();
    EXPECT_LT(records.size(), 45U);
    EXPECT_GT(records.size(), 35U);
    EXPECT_EQ(records.back().type, &messages::log_lossy);
}

TEST(LogThread, ThatIsStuckIsLeftBehind) {
    Paper paper;
    auto thread = start(paper);
    paper.hold(true);
    log(Priority::info, nullptr, "held");
    paper.await_stuck();
    const auto begun = now();
    thread.reset();
    EXPECT_LT(now() - begun, 20s);
    log(Priority::info, nullptr, "nobody hears this");
    paper.hold(false);
}

TEST(LogThread, ItsTapHearsWhatIsWorthIt) {
    Paper paper;
    std::vector<std::string> heard;  // the log thread's, until it has ended
    {
        const auto thread = start(paper);
        set_log_tap([&heard](const LogRecord& record) { heard.push_back(record.text); });
        log(Priority::notice, nullptr, "one");
        EXPECT_TRUE(LogThread::take({.time = {},
                                     .priority = Priority::debug,
                                     .type = nullptr,
                                     .text = "not this",
                                     .fields = {}}));
        log(Priority::info, nullptr, "two");
    }
    set_log_tap(nullptr);
    EXPECT_EQ(heard, (std::vector<std::string>{"one", "two"}));
    {
        const auto thread = start(paper);
        log(Priority::notice, nullptr, "three");
    }
    EXPECT_EQ(heard.size(), 2U);
}

TEST(LogThread, TakesFromManyThreads) {
    Paper paper;
    constexpr int each = 500;
    {
        const auto thread = start(paper);
        std::vector<std::thread> others;
        for (int k = 0; k < 4; ++k) {
            others.emplace_back([] {
                for (int i = 0; i < each; ++i) log(Priority::info, nullptr, "x");
            });
        }
        for (std::thread& other : others) other.join();
    }
    EXPECT_EQ(paper.records().size(), 4U * each);
}

}  // namespace
}  // namespace otto
