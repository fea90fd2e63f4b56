#include "control/watchdog.h"

#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace otto::control {

namespace {

using namespace std::chrono_literals;

/// A watchdog of four seconds over workers that answer when the test says so.
class WatchdogTest : public testing::Test {
  protected:
    void check() { watchdog_.check(time_ += watchdog_.pause()); }

    TimePoint time_{1h};
    int beats_ = 0;
    int pings_ = 0;
    std::optional<unsigned> behind_;
    std::vector<std::pair<unsigned, Duration>> stuck_;
    Watchdog watchdog_{
        4s,
        {.beat = [this] { ++beats_; },
         .ping = [this] { ++pings_; },
         .behind = [this] { return behind_; },
         .on_stuck = [this](unsigned worker,
                            Duration silent) { stuck_.emplace_back(worker, silent); }},
        time_};
};

TEST_F(WatchdogTest, BeatsWhileEachWorkerAnswers) {
    EXPECT_EQ(watchdog_.pause(), 1s);
    EXPECT_EQ(beats_, 1);
    EXPECT_EQ(pings_, 1);
    check();
    check();
    EXPECT_EQ(beats_, 3);
    EXPECT_EQ(pings_, 3);
}

TEST_F(WatchdogTest, WithholdsTheBeatUntilTheWorkerAnswers) {
    behind_ = 3;
    check();
    EXPECT_EQ(beats_, 1);
    EXPECT_EQ(pings_, 1) << "the last ping is not answered";
    EXPECT_TRUE(stuck_.empty()) << "it may be busy";
    check();
    check();
    ASSERT_EQ(stuck_.size(), 1u);
    EXPECT_EQ(stuck_[0].first, 3u);
    EXPECT_EQ(stuck_[0].second, 2s);
    behind_.reset();
    check();
    EXPECT_EQ(beats_, 2);
    behind_ = 0;
    check();
    check();
    EXPECT_EQ(stuck_.size(), 2u) << "it is another time";
}

}  // namespace

}  // namespace otto::control
