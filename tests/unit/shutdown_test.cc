#include "control/shutdown.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace otto::control {

namespace {

using namespace std::chrono_literals;
using Phase = Shutdown::Phase;

/// Two workers with clients, and a clock of its own.
class ShutdownTest : public testing::Test {
  protected:
    void begin(Duration limit) { shutdown_.begin(limit, 2, time_); }
    /// Lets time pass until the next look; each brings this traffic.
    void advance(std::uint64_t requests, std::uint64_t connections) {
        traffic_ = {traffic_.requests + requests, connections};
        time_ = shutdown_.next().value();
        shutdown_.advance(time_);
    }
    void tick(Duration later) { shutdown_.tick(time_ += later); }
    std::string done() { return std::exchange(done_, ""); }

    TimePoint time_{1h};
    Shutdown::Traffic traffic_{.requests = 100, .connections = 2};
    std::string done_;
    Shutdown shutdown_{{.traffic = [this] { return traffic_; },
                        .end_keep_alive = [this] { done_ += "end keep-alive "; },
                        .drain = [this] { done_ += "drain "; },
                        .stop = [this](bool late) { done_ += late ? "cut off " : "stop "; }}};
};

}  // namespace

TEST_F(ShutdownTest, GoesOnAcceptingForASecondWhileClientsAreThere) {
    EXPECT_TRUE(shutdown_.running());
    EXPECT_FALSE(shutdown_.next());
    const TimePoint began = time_;
    begin(30s);
    EXPECT_EQ(done(), "end keep-alive ");
    EXPECT_FALSE(shutdown_.running());
    EXPECT_EQ(shutdown_.next(), began + 100ms);
    while (time_ < began + 900ms) {
        advance(0, 1);
        EXPECT_EQ(done(), "") << "a connection is open";
    }
    advance(0, 1);
    EXPECT_EQ(time_, began + 1s);
    EXPECT_EQ(done(), "drain ");
    EXPECT_EQ(shutdown_.phase(), Phase::draining);
    EXPECT_FALSE(shutdown_.next());
    shutdown_.worker_drained();
    EXPECT_EQ(done(), "");
    shutdown_.worker_drained();
    EXPECT_EQ(done(), "stop ");
    EXPECT_EQ(shutdown_.phase(), Phase::stopped);
}

TEST_F(ShutdownTest, EndsAcceptingEarlyWhenItIsQuiet) {
    begin(30s);
    done();
    advance(1, 0);
    EXPECT_EQ(done(), "") << "a request has come and gone";
    advance(0, 0);
    EXPECT_EQ(done(), "drain ");
}

TEST_F(ShutdownTest, LooksOnlyWhenTimeHasPassed) {
    traffic_.connections = 0;
    begin(30s);
    done();
    shutdown_.advance(time_ + 99ms);
    EXPECT_EQ(done(), "");
    shutdown_.advance(time_ + 100ms);
    EXPECT_EQ(done(), "drain ");
    shutdown_.advance(time_ + 200ms);
    EXPECT_EQ(done(), "");
}

TEST_F(ShutdownTest, CutsOffWhatIsLeftAtTheDeadline) {
    const TimePoint began = time_;
    begin(5s);
    while (shutdown_.phase() != Phase::draining) advance(1, 1);
    done();
    tick(began + 4999ms - time_);
    EXPECT_EQ(done(), "");
    tick(1ms);
    EXPECT_EQ(done(), "cut off ");
    tick(1s);
    EXPECT_EQ(done(), "");
}

TEST_F(ShutdownTest, AShortDeadlineBoundsAccepting) {
    begin(50ms);
    EXPECT_EQ(shutdown_.next(), time_ + 50ms);
    done();
    advance(1, 1);
    EXPECT_EQ(done(), "drain ");
}

TEST_F(ShutdownTest, TheDeadlineHoldsWhileClientsAreStillAccepted) {
    begin(50ms);
    done();
    tick(50ms);
    EXPECT_EQ(done(), "cut off ");
    EXPECT_FALSE(shutdown_.next());
}

TEST_F(ShutdownTest, ASecondSignalStopsAtOnce) {
    begin(30s);
    done();
    begin(30s);
    EXPECT_EQ(done(), "stop ");
    begin(30s);
    tick(60s);
    EXPECT_EQ(done(), "");
}

TEST_F(ShutdownTest, WhileItRunsNothingHappensByTime) {
    tick(24h);
    shutdown_.advance(time_);
    EXPECT_EQ(done(), "");
}

}  // namespace otto::control
