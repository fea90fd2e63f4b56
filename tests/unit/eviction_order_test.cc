#include "accept/eviction_order.h"

#include <algorithm>
#include <deque>
#include <vector>

#include <gtest/gtest.h>

#include "accept/connection_share.h"
#include "base/random.h"

namespace otto::accept {
namespace {

using std::chrono::seconds;

class Order : public testing::Test {
  protected:
    EvictionOrder::Entry& put(Waiting waiting, int since, std::uint64_t client = 0) {
        EvictionOrder::Entry& entry = entries_.emplace_back();
        order_.put(entry, waiting, at(since), client);
        return entry;
    }
    static TimePoint at(int second) { return TimePoint(seconds(second)); }
    /// All of them, in the order in which they are closed.
    std::vector<EvictionOrder::Entry*> drained() {
        std::vector<EvictionOrder::Entry*> out;
        while (EvictionOrder::Entry* next = order_.next()) {
            out.push_back(next);
            order_.remove(*next);
        }
        return out;
    }
    /// A client that shares no row with those before.
    std::uint64_t client() { return clients_.next(); }

    EvictionOrder order_{0x9e3779b97f4a7c15};

  private:
    std::deque<EvictionOrder::Entry> entries_;
    Random clients_{1};
};

using Entries = std::vector<EvictionOrder::Entry*>;

TEST_F(Order, SilentThenPartialThenIdle) {
    auto& idle = put(Waiting::next, 1);
    auto& partial = put(Waiting::rest, 2);
    auto& silent = put(Waiting::first_byte, 3);
    EXPECT_EQ(drained(), (Entries{&silent, &partial, &idle}));
}

TEST_F(Order, TheOldestOfEach) {
    auto& idle = put(Waiting::next, 1);
    auto& partial = put(Waiting::rest, 2);
    auto& later_idle = put(Waiting::next, 3);
    auto& later_partial = put(Waiting::rest, 4);
    EXPECT_EQ(drained(), (Entries{&partial, &later_partial, &idle, &later_idle}));
}

TEST_F(Order, SilentOnesOfTheAddressThatHasMost) {
    const auto few = client();
    const auto many = client();
    auto& first = put(Waiting::first_byte, 1, few);
    auto& second = put(Waiting::first_byte, 2, few);
    auto& a = put(Waiting::first_byte, 3, many);
    auto& b = put(Waiting::first_byte, 4, many);
    auto& c = put(Waiting::first_byte, 5, many);
    auto& d = put(Waiting::first_byte, 6, many);
    const Entries order = drained();
    EXPECT_EQ((Entries{order[0], order[1]}), (Entries{&a, &b})) << "down to as many as the other";
    EXPECT_EQ(order.size(), 6u);
    for (auto* each : {&first, &second, &c, &d})
        EXPECT_NE(std::ranges::find(order, each), order.end());
}

TEST_F(Order, AnEntryIsInOnePlaceOnly) {
    auto& entry = put(Waiting::first_byte, 1);
    auto& other = put(Waiting::rest, 2);
    order_.put(entry, Waiting::next, at(3), 0);
    EXPECT_EQ(drained(), (Entries{&other, &entry}));
    order_.remove(entry);
    EXPECT_EQ(entry.waiting(), Waiting::none);
    order_.put(entry, Waiting::none, at(4), 0);
    EXPECT_EQ(order_.next(), nullptr);
}

TEST_F(Order, CountsThoseThatMayBeClosed) {
    EXPECT_EQ(order_.size(), 0u);
    auto& silent = put(Waiting::first_byte, 1);
    put(Waiting::next, 2);
    auto& unread = put(Waiting::client, 3);
    EXPECT_EQ(order_.size(), 2u);
    order_.put(silent, Waiting::rest, at(4), client());
    order_.put(unread, Waiting::next, at(5), client());
    EXPECT_EQ(order_.size(), 3u);
    order_.put(unread, Waiting::client, at(6), client());
    order_.remove(silent);
    order_.remove(silent);
    EXPECT_EQ(order_.size(), 1u);
    drained();
    EXPECT_EQ(order_.size(), 0u);
    order_.remove(unread);
    EXPECT_EQ(order_.size(), 0u);
}

TEST_F(Order, WhoDoesNotReadIsKeptApart) {
    auto& unread = put(Waiting::client, 1);
    EXPECT_EQ(order_.next(), nullptr);
    EXPECT_EQ(order_.rank(), EvictionOrder::nothing);
    EXPECT_EQ(order_.first(Waiting::client), &unread);
}

TEST_F(Order, RanksCompareAcrossThreads) {
    EvictionOrder other(7);
    EXPECT_EQ(order_.rank(), EvictionOrder::nothing);
    EvictionOrder::Entry idle;
    EvictionOrder::Entry partial;
    EvictionOrder::Entry silent;
    put(Waiting::next, 10);
    other.put(idle, Waiting::next, at(9), 0);
    EXPECT_LT(other.rank(), order_.rank()) << "it is older";
    put(Waiting::rest, 20);
    EXPECT_GT(other.rank(), order_.rank()) << "a head goes before an idle one";
    other.put(silent, Waiting::first_byte, at(30), 0);
    EXPECT_LT(other.rank(), order_.rank()) << "a silent one goes before a head";
    put(Waiting::first_byte, 40, 5);
    put(Waiting::first_byte, 41, 5);
    EXPECT_GT(other.rank(), order_.rank()) << "two of one address go before one";
}

/// The largest row is known at any time, whatever comes and goes.
TEST_F(Order, FindsTheLargestRowAlways) {
    Random random(42);
    std::vector<std::uint64_t> clients;
    for (int i = 0; i < 5; ++i) clients.push_back(client());
    std::deque<EvictionOrder::Entry> entries(200);
    std::vector<std::size_t> owner(entries.size());
    std::vector<int> held(clients.size());
    for (int step = 0; step < 20'000; ++step) {
        const std::size_t at = random.next() % entries.size();
        EvictionOrder::Entry& entry = entries[at];
        if (entry.waiting() == Waiting::none) {
            owner[at] = random.next() % clients.size();
            order_.put(entry, Waiting::first_byte, this->at(step), clients[owner[at]]);
            ++held[owner[at]];
        } else {
            order_.remove(entry);
            --held[owner[at]];
        }
        EvictionOrder::Entry* next = order_.next();
        if (next == nullptr) {
            ASSERT_EQ(*std::ranges::max_element(held), 0);
            continue;
        }
        const auto found = std::ranges::find_if(
            entries, [next](const EvictionOrder::Entry& each) { return &each == next; });
        ASSERT_EQ(held[owner[static_cast<std::size_t>(found - entries.begin())]],
                  *std::ranges::max_element(held));
    }
    for (EvictionOrder::Entry& entry : entries) order_.remove(entry);
}

TEST(ConnectionShare, NamesTheWorkerWithTheFirstToGo) {
    ConnectionShare share(3);
    EXPECT_EQ(share.evicting(1), 3u) << "none";
    share.publish_order(0, 7, 1);
    share.publish_order(1, 7, 1);
    EXPECT_EQ(share.evicting(1), 1u) << "the own one of two that are alike";
    EXPECT_EQ(share.evicting(2), 0u);
    share.publish_order(2, 3, 1);
    EXPECT_EQ(share.evicting(1), 2u);
}

TEST(ConnectionShare, IsFullOfConnectionsThatCannotBeClosed) {
    ConnectionShare share(2);
    share.publish_open(0, 5);
    EXPECT_FALSE(share.full()) << "no limit";
    share.set_limit(8);
    EXPECT_FALSE(share.full());
    share.publish_open(1, 3);
    EXPECT_TRUE(share.full());
    share.publish_order(1, 7, 1);
    EXPECT_FALSE(share.full());
    share.publish_open(0, 6);
    EXPECT_TRUE(share.full());
}

TEST(ConnectionShare, AsksAWorkerOnceUntilItAnswers) {
    ConnectionShare share(2);
    int calls = 0;
    share.on_asked(1, [&calls] { ++calls; });
    share.ask(1, ConnectionShare::below_limit);
    share.ask(1, ConnectionShare::descriptor);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(share.answered(1), ConnectionShare::below_limit | ConnectionShare::descriptor);
    share.ask(1, ConnectionShare::descriptor);
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(share.answered(1), ConnectionShare::descriptor);
    share.on_asked(1, nullptr);
    share.ask(1, ConnectionShare::below_limit);
    EXPECT_EQ(calls, 2);
}

TEST(ClientCounts, CountPerClient) {
    ClientCounts counts;
    EXPECT_EQ(counts.add(1), 1u);
    EXPECT_EQ(counts.add(1), 2u);
    EXPECT_EQ(counts.add(2), 1u);
    counts.remove(1);
    EXPECT_EQ(counts.add(1), 2u);
    for (const std::uint64_t client : {1, 1, 2}) counts.remove(client);
    counts.remove(3);
    EXPECT_EQ(counts.add(2), 1u) << "nothing is left of it";
}

}  // namespace
}  // namespace otto::accept
