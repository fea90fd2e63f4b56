// What Otto learns of how many connections a server serves at a time, and of how it closes them.

#include "balance/server_connections.h"

#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "balance/server.h"

namespace otto {
namespace {

using Slot = ServerConnections::Slot;
using Want = ServerConnections::Want;

class Connections : public ::testing::Test {
  protected:
    Slot open() {
        auto slot = ServerConnections::open(of_);
        EXPECT_TRUE(slot);
        return std::move(*slot);
    }

    std::shared_ptr<ServerConnections> of_ = std::make_shared<ServerConnections>();
};

TEST_F(Connections, AreBoundedByTheLimit) {
    of_->set_most(2);
    Slot first = open();
    Slot second = open();
    EXPECT_FALSE(ServerConnections::open(of_));
    first.release();
    EXPECT_EQ(of_->count(), 1);
    Slot third = open();
    EXPECT_FALSE(ServerConnections::open(of_));
    of_->set_most(0);
    EXPECT_TRUE(ServerConnections::open(of_));
}

TEST_F(Connections, ASlotThatIsMovedCountsOnce) {
    Slot first = open();
    Slot second = std::move(first);
    first.release();
    EXPECT_EQ(of_->count(), 1);
    second = Slot();
    EXPECT_EQ(of_->count(), 0);
}

TEST_F(Connections, APlaceThatIsWantedIsAnnounced) {
    ConnectionCalls calls;
    int freed = 0;
    std::vector<std::uint64_t> asked;
    const std::size_t line =
        calls.add({.close_idle = [&](std::uint64_t server) { asked.push_back(server); },
                   .freed = [&] { ++freed; }});
    of_->set_calls(&calls);
    of_->set_most(1);
    open();
    EXPECT_EQ(freed, 0);
    {
        Slot taken = open();
        const Want want(of_, Want::What::place);
        EXPECT_TRUE(of_->wanted());
        taken.release();
        EXPECT_EQ(freed, 1);
    }
    EXPECT_FALSE(of_->wanted());
    calls.close_idle(7);
    EXPECT_EQ(asked, std::vector<std::uint64_t>{7});
    calls.remove(line);
    calls.close_idle(8);
    EXPECT_EQ(asked.size(), 1);
}

TEST_F(Connections, PlacesAreGivenInTurn) {
    ConnectionCalls calls;
    int freed = 0;
    const std::size_t line = calls.add({.close_idle = {}, .freed = [&] { ++freed; }});
    of_->set_calls(&calls);
    of_->set_most(2);
    Slot one = open();
    Slot two = open();
    auto first = std::make_unique<Want>(of_, Want::What::place);
    const Want second(of_, Want::What::place);
    const Want third(of_, Want::What::place);
    one.release();
    EXPECT_FALSE(ServerConnections::open(of_)) << "others wait";
    EXPECT_FALSE(ServerConnections::open(of_, &second));
    EXPECT_EQ(freed, 1);
    calls.looks(line);
    first.reset();
    EXPECT_EQ(freed, 2) << "the next one is told that it has moved up";
    EXPECT_FALSE(ServerConnections::open(of_, &third));
    EXPECT_TRUE(ServerConnections::open(of_, &second));
}

TEST_F(Connections, AnAnswerShowsThatEarlierOnesWereAccepted) {
    std::vector<Slot> kept;
    for (int i = 0; i < 4; ++i) kept.push_back(open());
    of_->answered(kept[0]);
    EXPECT_EQ(of_->served(), 1);
    for (int time = 1; time <= 3; ++time) {
        EXPECT_EQ(of_->served(), 1) << "an answer may have crossed with a close";
        Slot next = open();
        of_->answered(next);
    }
    EXPECT_EQ(of_->served(), 5);
    EXPECT_FALSE(of_->serves_many());
}

TEST_F(Connections, ThoseClosedMeanwhileShowNothing) {
    of_->answered(open());
    for (int time = 0; time < 20; ++time) {
        Slot idle = open();
        Slot next = open();
        idle.release();  // the server has one process, which is free now
        of_->answered(next);
    }
    EXPECT_EQ(of_->served(), 1);
    Slot idle = open();
    EXPECT_FALSE(of_->crowded());
    Slot next = open();
    EXPECT_TRUE(of_->crowded());
}

TEST_F(Connections, OneMistakeInManyAnswersIsNotBelieved) {
    of_->answered(open());
    for (int time = 0; time < 100; ++time) {
        Slot idle = open();
        Slot next = open();
        if (time % 2 == 0) idle.release();
        of_->answered(next);
    }
    EXPECT_EQ(of_->served(), 1);
}

TEST_F(Connections, AServerOfManyIsNotWatched) {
    std::vector<Slot> kept;
    while (kept.size() < 30) {
        kept.push_back(open());
        of_->answered(kept.back());
    }
    EXPECT_TRUE(of_->serves_many());
    EXPECT_FALSE(of_->crowded());
    of_->forget();
    EXPECT_TRUE(of_->crowded());
}

constexpr TimePoint begin{std::chrono::hours(1)};
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(Connections, OneThatIsAnsweredOnceOthersMadeWayShowsThatTheServerServesFew) {
    ServerConnections::Answer answer;
    of_->answered(open());
    Slot idle = open();
    Slot next = open();
    EXPECT_TRUE(answer.make_way(of_, begin));
    EXPECT_TRUE(of_->wanted());
    idle.release();
    answer.heard(next, begin + milliseconds(10));
    EXPECT_TRUE(of_->serves_few());
    EXPECT_FALSE(of_->wanted());
    EXPECT_FALSE(answer.make_way(of_, begin)) << "no more are open than it serves";
}

TEST_F(Connections, OneThatIsAnsweredMuchLaterShowsNothing) {
    ServerConnections::Answer answer;
    Slot idle = open();
    Slot next = open();
    EXPECT_TRUE(answer.make_way(of_, begin));
    idle.release();
    answer.heard(next, begin + seconds(1));
    EXPECT_FALSE(of_->serves_few());
}

TEST_F(Connections, CallsAreMadeOnceUntilTheThreadLooks) {
    ConnectionCalls calls;
    int freed = 0;
    const std::size_t line = calls.add({.close_idle = {}, .freed = [&] { ++freed; }});
    calls.freed();
    calls.freed();
    EXPECT_EQ(freed, 1);
    calls.looks(line);
    calls.freed();
    EXPECT_EQ(freed, 2);
}

TEST_F(Connections, ThatWereNeverSeenToCloseStayOpen) {
    EXPECT_FALSE(of_->closes_idle(begin));
    EXPECT_TRUE(of_->stays_open(seconds(0), begin));
    EXPECT_TRUE(of_->stays_open(seconds(4), begin));
}

TEST_F(Connections, OfAServerThatClosesSoon) {
    of_->note_closed_idle(milliseconds(0), begin);
    of_->note_closed_idle(milliseconds(8), begin);
    EXPECT_TRUE(of_->closes_idle(begin));
    EXPECT_FALSE(of_->stays_open(milliseconds(0), begin));
    EXPECT_FALSE(of_->stays_open(milliseconds(20), begin));
    EXPECT_TRUE(of_->stays_open(milliseconds(21), begin)) << "it has shown that it stays";
    EXPECT_TRUE(of_->stays_open(milliseconds(0), begin + seconds(60))) << "long ago";
}

TEST_F(Connections, OfAServerWithATimeout) {
    of_->note_closed_idle(seconds(2), begin);
    EXPECT_TRUE(of_->stays_open(milliseconds(900), begin));
    EXPECT_FALSE(of_->stays_open(milliseconds(1900), begin));
}

TEST(Occupied, ByStreamsOrByRequestsForAsLongAsTheServerIsHeard) {
    Server server("http://a", "a", "", {});
    const auto occupied = [&](TimePoint time) { return server.may_be_occupied(seconds(30), time); };
    EXPECT_FALSE(occupied(begin));
    EXPECT_TRUE(server.enter(0));
    EXPECT_FALSE(occupied(begin)) << "nothing was ever heard";
    server.note_heard(begin);
    EXPECT_TRUE(occupied(begin + seconds(29)));
    EXPECT_FALSE(occupied(begin + seconds(31)));
    server.count_stream(1);
    EXPECT_TRUE(occupied(begin + seconds(1000)));
    server.count_stream(-1);
    server.leave();
    EXPECT_FALSE(occupied(begin + seconds(1)));
}

TEST(Occupied, NotAServerThatHasShownToServeMore) {
    Server server("http://a", "a", "", {});
    std::vector<Slot> kept;
    while (kept.size() < 8) {
        kept.push_back(std::move(*ServerConnections::open(server.connections)));
        server.connections->answered(kept.back());
    }
    const std::uint32_t served = server.connections->served();
    ASSERT_GT(served, 1);
    server.note_heard(begin);
    for (std::uint32_t i = 1; i < served; ++i) {
        EXPECT_TRUE(server.enter(0));
        EXPECT_FALSE(server.may_be_occupied(seconds(30), begin)) << i;
    }
    EXPECT_TRUE(server.enter(0));
    EXPECT_TRUE(server.may_be_occupied(seconds(30), begin));
}

}  // namespace
}  // namespace otto
