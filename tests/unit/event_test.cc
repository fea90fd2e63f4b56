#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/handle.h"
#include "event/deferred.h"
#include "event/loop.h"
#include "event/mailbox.h"
#include "event/slice.h"
#include "event/stretches.h"
#include "event/timer.h"
#include "event/watch.h"

namespace otto {
namespace {

using namespace std::chrono_literals;

class EventTest : public testing::Test {
  protected:
    /// Runs until somebody stops the loop; fails the test when nobody does.
    void run() {
        bool expired = false;
        Timer guard(loop, [this, &expired] {
            expired = true;
            loop.stop();
        });
        guard.set_after(20s);
        EXPECT_TRUE(loop.run());
        EXPECT_FALSE(expired) << "nobody stopped the loop";
    }

    Loop loop = std::move(*Loop::open());
};

/// Takes longer than a stretch.
void dawdle() {
    const TimePoint until = now() + 2 * Stretches::longest;
    while (now() < until) continue;
}

TEST_F(EventTest, StretchesLetOthersIn) {
    Stretches stretches(loop);
    std::string order;
    // As often as the loop turns.
    Timer other(loop, [&order, &other] {
        order += '.';
        other.set_after({});
    });
    other.set_after({});
    int left = 4;
    stretches.add([this, &order, &left] {
        dawdle();
        order += 'a';
        if (--left > 0) return true;
        loop.stop();
        return false;
    });
    run();
    EXPECT_EQ(std::ranges::count(order, 'a'), 4);
    EXPECT_EQ(order.find("aa"), std::string::npos) << order;
}

TEST_F(EventTest, StretchesTakeTurnsAndTakeMore) {
    Stretches stretches(loop);
    std::string order;
    const auto job = [&order](char name, int steps) {
        return [&order, name, steps]() mutable {
            order += name;
            return --steps > 0;
        };
    };
    stretches.add(job('a', 3));
    stretches.add(job('b', 1));
    stretches.add([this, &stretches, &order] {
        order += 'c';
        stretches.add([this] {
            loop.stop();
            return false;
        });
        return false;
    });
    EXPECT_EQ(order, "") << "never from within add()";
    run();
    EXPECT_EQ(order, "abcaa");
}

struct SocketPair {
    SocketPair() {
        std::array<int, 2> fds{-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()),
                  0);
        here.reset(fds[0]);
        there.reset(fds[1]);
    }
    UniqueFd here;
    UniqueFd there;
};

TEST_F(EventTest, TimerFiresOnceNotBeforeItsDeadline) {
    unsigned fired = 0;
    const TimePoint deadline = coarse_now() + 20ms;
    Timer timer(loop, [&fired] { ++fired; });
    Timer stop(loop, [this] { loop.stop(); });
    timer.set(deadline);
    EXPECT_TRUE(timer.pending());
    stop.set(deadline + 20ms);
    run();
    EXPECT_EQ(fired, 1u);
    EXPECT_FALSE(timer.pending());
    EXPECT_GE(coarse_now(), deadline + 20ms);
}

TEST_F(EventTest, TimerMayBePushedBackAndPulledForward) {
    std::vector<int> order;
    Timer back(loop, [&] {
        order.push_back(2);
        loop.stop();
    });
    Timer forward(loop, [&] {
        order.push_back(1);
        back.set_after(0ms);
    });
    back.set_after(1ms);
    back.set_after(1h);
    forward.set_after(1h);
    forward.set_after(10ms);
    run();
    EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST_F(EventTest, CancelledTimerStaysQuietAndMayBeSetAgain) {
    unsigned fired = 0;
    Timer timer(loop, [&fired] { ++fired; });
    timer.set_after(1ms);
    timer.cancel();
    EXPECT_FALSE(timer.pending());
    Timer stop(loop, [this] { loop.stop(); });
    Timer later(loop, [&] {
        EXPECT_EQ(fired, 0u);
        timer.set_after(0ms);
        stop.set_after(20ms);
    });
    later.set_after(20ms);
    run();
    EXPECT_EQ(fired, 1u);
}

TEST_F(EventTest, TimerMaySetItselfAgainAndDestroyItself) {
    unsigned fired = 0;
    std::unique_ptr<Timer> timer;
    timer = std::make_unique<Timer>(loop, [&] {
        if (++fired < 3) {
            timer->set_after(0ms);
            return;
        }
        loop.stop();
        timer.reset();
    });
    timer->set_after(-1s);
    run();
    EXPECT_EQ(fired, 3u);
    EXPECT_EQ(timer, nullptr);
}

TEST_F(EventTest, WatchTellsReadableUntilPaused) {
    SocketPair pair;
    unsigned told = 0;
    std::optional<Watch> watch;
    watch.emplace(loop, pair.here.get(), Watch::Interest::readable, [&](Readiness ready) {
        EXPECT_TRUE(ready.readable);
        // Level-triggered: what is not read is told again.
        if (++told == 2) watch->pause();
    });
    ASSERT_EQ(::send(pair.there.get(), "x", 1, 0), 1);
    Timer resume(loop, [&] {
        EXPECT_EQ(told, 2u);
        watch.emplace(loop, pair.here.get(), Watch::Interest::readable,
                      [this](Readiness) { loop.stop(); });
    });
    resume.set_after(20ms);
    run();
}

TEST_F(EventTest, EdgeWatchTellsAllThreeOncePerEdge) {
    SocketPair pair;
    std::vector<Readiness> seen;
    Watch watch(loop, pair.here.get(), Watch::Interest::any_edge, [&](Readiness ready) {
        seen.push_back(ready);
        if (seen.size() == 1) {
            EXPECT_EQ(::send(pair.there.get(), "x", 1, 0), 1);
        }
        if (seen.size() == 2) pair.there.reset();
        if (ready.closed) loop.stop();
    });
    run();
    ASSERT_EQ(seen.size(), 3u);
    EXPECT_TRUE(seen[0].writable);
    EXPECT_FALSE(seen[0].readable);
    EXPECT_TRUE(seen[1].readable);
    EXPECT_FALSE(seen[1].closed);
    EXPECT_TRUE(seen[2].closed);
}

TEST_F(EventTest, WatchMayDestroyItselfAndItsNumberBeUsedAgain) {
    // With epoll's changelist, the removal of a closed descriptor meets the addition of its
    // successor.
    for (int round = 0; round < 20; ++round) {
        SocketPair pair;
        std::unique_ptr<Watch> watch;
        const auto finish = [&] {
            loop.stop();
            watch.reset();
        };
        const auto replace = [&] {
            watch.reset();
            pair.here.reset();
            pair.there.reset();
            pair = SocketPair();
            watch = std::make_unique<Watch>(loop, pair.here.get(), Watch::Interest::readable,
                                            [&finish](Readiness) { finish(); });
            EXPECT_EQ(::send(pair.there.get(), "x", 1, 0), 1);
        };
        watch = std::make_unique<Watch>(loop, pair.here.get(), Watch::Interest::any_edge,
                                        [&replace](Readiness) { replace(); });
        run();
        EXPECT_EQ(watch, nullptr);
    }
}

TEST_F(EventTest, SignalWatchRunsInTheLoop) {
    unsigned seen = 0;
    const auto watch = SignalWatch::open(loop, SIGUSR1, [&] {
        ++seen;
        loop.stop();
    });
    ASSERT_TRUE(watch);
    ASSERT_EQ(::kill(::getpid(), SIGUSR1), 0);
    run();
    EXPECT_EQ(seen, 1u);
}

TEST_F(EventTest, MailboxDeliversInOrderFromManyThreads) {
    constexpr unsigned senders = 3;
    constexpr unsigned each = 2'000;
    const auto mailbox = std::move(*Mailbox::open(loop));
    std::array<unsigned, senders> next{};
    unsigned received = 0;
    std::vector<std::thread> threads;
    for (unsigned sender = 0; sender < senders; ++sender)
        threads.emplace_back([&, sender] {
            for (unsigned i = 0; i < each; ++i)
                mailbox->post([&, sender, i] {
                    EXPECT_EQ(next[sender]++, i);
                    if (++received == senders * each) loop.stop();
                });
        });
    run();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(received, senders * each);
}

TEST_F(EventTest, MailboxTakesPostsFromItsOwnMessages) {
    const auto mailbox = std::move(*Mailbox::open(loop));
    std::vector<int> order;
    mailbox->post([&] {
        order.push_back(1);
        mailbox->post([&] {
            order.push_back(3);
            loop.stop();
        });
        order.push_back(2);
    });
    run();
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST_F(EventTest, MailboxDropsWhatItCannotDeliverAnyMore) {
    auto mailbox = std::move(*Mailbox::open(loop));
    auto held = std::make_shared<int>(1);
    mailbox->post([held] { FAIL(); });
    mailbox.reset();
    EXPECT_EQ(held.use_count(), 1);
}

/// What a socket that is readable all the time (level-triggered, never read) gets of a loop in
/// which other work goes on for ever.
class TurnTest : public EventTest {
  protected:
    TurnTest() {
        EXPECT_EQ(::send(pair.there.get(), "x", 1, 0), 1);
        socket.emplace(loop, pair.here.get(), Watch::Interest::readable, [this](Readiness) {
            if (++turns == 50) loop.stop();
        });
    }

    SocketPair pair;
    unsigned turns = 0;
    std::optional<Watch> socket;
};

TEST_F(TurnTest, DeferredWorkThatSchedulesItselfRunsOnceATurn) {
    unsigned runs = 0;
    std::optional<Deferred> work;
    work.emplace(loop, [&] {
        ++runs;
        work->schedule();
        work->schedule();
    });
    work->schedule();
    run();
    EXPECT_GE(runs, turns - 2);
    EXPECT_LE(runs, turns + 1);
}

TEST_F(TurnTest, DeferredWorkRunsInTheOrderOfScheduling) {
    std::string order;
    Deferred a(loop, [&] { order += 'a'; });
    Deferred c(loop, [&] { order += 'c'; });
    Deferred b(loop, [&] {
        order += 'b';
        a.schedule();  // for the next turn
        c.cancel();
    });
    a.schedule();
    b.schedule();
    c.schedule();
    EXPECT_TRUE(c.scheduled());
    run();
    EXPECT_EQ(order, "aba");
    EXPECT_FALSE(c.scheduled());
}

TEST_F(TurnTest, DeferredWorkMayDestroyItselfAndOthers) {
    auto other = std::make_unique<Deferred>(loop, [] { ADD_FAILURE() << "it was destroyed"; });
    std::unique_ptr<Deferred> work;
    unsigned runs = 0;
    work = std::make_unique<Deferred>(loop, [&] {
        ++runs;
        other.reset();
        work.reset();
    });
    work->schedule();
    other->schedule();
    run();
    EXPECT_EQ(runs, 1u);
}

TEST_F(TurnTest, DeferredWorkThatTakesLongLeavesTheRestToTheNextTurn) {
    const auto busy = [] {
        for (const TimePoint end = now() + 5ms; now() < end;) {
        }
    };
    std::vector<unsigned> when;
    std::vector<std::unique_ptr<Deferred>> works;
    for (int i = 0; i < 3; ++i) {
        works.push_back(std::make_unique<Deferred>(loop, [&] {
            when.push_back(turns);
            busy();
        }));
        works.back()->schedule();
    }
    run();
    ASSERT_EQ(when.size(), 3u);
    EXPECT_LT(when[0], when[1]);
    EXPECT_LT(when[1], when[2]);
}

TEST_F(TurnTest, AFloodOfMessagesIsDeliveredInOrderOverSeveralTurns) {
    auto mailbox = std::move(*Mailbox::open(loop));
    std::vector<unsigned> when;
    std::vector<int> order;
    for (int i = 0; i < 10; ++i)
        mailbox->post([&, i] {
            order.push_back(i);
            when.push_back(turns);
            for (const TimePoint end = now() + 2ms; now() < end;) {
            }
            if (i == 0) mailbox->post([&] { order.push_back(10); });
        });
    run();
    std::vector<int> expected(11);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(order, expected);
    ASSERT_FALSE(when.empty());
    EXPECT_GE(when.back() - when.front(), 5u);
}

TEST_F(TurnTest, NoMoreThan128TimersFireInATurn) {
    std::vector<unsigned> fired(1000);
    std::vector<std::unique_ptr<Timer>> timers;
    for (int i = 0; i < 400; ++i) {
        timers.push_back(std::make_unique<Timer>(loop, [&] { ++fired[turns]; }));
        timers.back()->set_after(0ms);
    }
    run();
    EXPECT_EQ(std::accumulate(fired.begin(), fired.end(), 0u), 400u);
    EXPECT_LE(*std::ranges::max_element(fired), 128u);
}

TEST_F(TurnTest, AClosedDescriptorIsFreeOnlyAfterTheKernelWasTold) {
    // However the closing falls between other deferred work: one turn at least lies between.
    std::vector<unsigned> closed;
    std::vector<unsigned> asked;
    SocketPair other;
    const int number = other.here.get();
    std::optional<Deferred> busy;
    busy.emplace(loop, [&] {
        busy->schedule();  // a run is pending all the time
        if (fcntl(number, F_GETFD) == -1 && closed.empty()) closed.push_back(turns);
    });
    busy->schedule();
    Watch trigger(loop, other.there.get(), Watch::Interest::writable, [&](Readiness) {
        if (!asked.empty()) return;
        asked.push_back(turns);
        loop.close_later(std::move(other.here));
    });
    run();
    ASSERT_EQ(asked.size(), 1u);
    ASSERT_EQ(closed.size(), 1u);
    EXPECT_GT(closed[0], asked[0]);
}

TEST(Slice, EndsAfterItsBytesOrItsTime) {
    Slice bytes(1000);
    EXPECT_TRUE(bytes.spend(999));
    EXPECT_FALSE(bytes.spend(1));

    Slice time;
    const TimePoint begun = now();
    while (time.spend(0)) ASSERT_LT(now() - begun, 20s);
    EXPECT_GE(now() - begun, 500us);
}

}  // namespace
}  // namespace otto
