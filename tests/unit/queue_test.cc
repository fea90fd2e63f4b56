#include "proxy/queue.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "event/loop.h"

namespace otto {
namespace {

/// Two workers' queues in front of some places, on one thread; what one asks of the other is kept
/// until it is delivered.
class QueueTest : public testing::Test {
  protected:
    class Client final : public Waiter {
      public:
        Client(QueueTest& test, Queue& queue, std::string name)
            : test_(test), queue_(queue), name_(std::move(name)) {}
        virtual ~Client() { queue_.remove(*this); }

        bool wait(bool retry = false, std::uint32_t most = 100) {
            if (!queue_.push(*this, retry, most)) return false;
            if (queue_.is_its_turn(*this)) try_again();
            return true;
        }
        void leave() { queue_.remove(*this); }
        /// Its server is another than the one that has places.
        bool elsewhere = false;

      private:
        bool try_again() override {
            ++test_.tries;
            if (elsewhere || test_.places == 0) return false;
            --test_.places;
            queue_.remove(*this);
            test_.served += name_;
            return true;
        }

        QueueTest& test_;
        Queue& queue_;
        std::string name_;
    };

    QueueTest() {
        for (std::size_t i = 0; i < 2; ++i) {
            queues.push_back(std::make_unique<Queue>(
                loop, share, i, [this, i](std::size_t length) { lengths[i] = length; },
                [this](QueueShare::Call call) { calls.push_back(std::move(call)); }));
            queues[i]->configure(true);
        }
    }

    std::unique_ptr<Client> client(std::size_t queue, std::string name) {
        return std::make_unique<Client>(*this, *queues[queue], std::move(name));
    }

    /// A request of that worker ends.
    void end(std::size_t queue) {
        ++places;
        queues[queue]->place_left();
    }

    /// Until nothing more happens.
    void run() {
        do {
            for (const QueueShare::Call& call : std::exchange(calls, {})) call();
            event_base_loop(loop.base(), EVLOOP_NONBLOCK);
        } while (!calls.empty());
    }

    Loop loop = std::move(*Loop::open());
    QueueShare share{2};
    std::size_t lengths[2] = {0, 0};
    std::vector<QueueShare::Call> calls;
    std::vector<std::unique_ptr<Queue>> queues;
    unsigned places = 0;
    unsigned tries = 0;
    std::string served;
};

TEST_F(QueueTest, ARetryTriesAtOnceWhoeverIsFirst) {
    const auto first = client(0, "a");
    first->elsewhere = true;
    ASSERT_TRUE(first->wait());
    places = 1;
    const auto again = client(0, "b");
    ASSERT_TRUE(again->wait(true));
    EXPECT_EQ(served, "b");
}

TEST_F(QueueTest, FirstComeFirstServedOverAllWorkers) {
    const auto a = client(0, "a");
    const auto b = client(1, "b");
    const auto c = client(1, "c");
    const auto d = client(0, "d");
    const auto e = client(1, "e");
    for (const auto* each : {&a, &b, &c, &d, &e}) EXPECT_TRUE((*each)->wait());
    EXPECT_EQ(lengths[0], 2U);
    EXPECT_EQ(lengths[1], 3U);
    EXPECT_TRUE(queues[0]->busy());

    for (const char* expected : {"a", "ab", "abc", "abcd", "abcde"}) {
        end(0);
        EXPECT_NE(served, expected) << "within the call";
        run();
        EXPECT_EQ(served, expected);
        EXPECT_EQ(places, 0U);
    }
    EXPECT_EQ(lengths[0] + lengths[1], 0U);
    EXPECT_FALSE(queues[0]->busy());
}

TEST_F(QueueTest, ManyPlacesAtOnce) {
    std::vector<std::unique_ptr<Client>> clients;
    for (char name = 'a'; name <= 'j'; ++name)
        clients.push_back(client((name - 'a') % 3 == 0 ? 0 : 1, std::string(1, name)));
    for (const auto& each : clients) EXPECT_TRUE(each->wait());
    places = 6;
    end(1);
    run();
    EXPECT_EQ(served, "abcdefg");
    EXPECT_EQ(places, 0U);
}

TEST_F(QueueTest, APlaceThatIsFreeAlreadyIsTakenAtOnce) {
    places = 1;
    const auto a = client(0, "a");
    EXPECT_TRUE(a->wait());
    EXPECT_EQ(served, "a");
    EXPECT_FALSE(queues[0]->busy());
}

TEST_F(QueueTest, HasALengthOverAllWorkers) {
    const auto a = client(0, "a");
    const auto b = client(1, "b");
    const auto c = client(0, "c");
    EXPECT_TRUE(a->wait(false, 2));
    EXPECT_TRUE(b->wait(true, 2));
    EXPECT_FALSE(c->wait(false, 2));
    EXPECT_EQ(lengths[0], 1U);
    b->leave();
    EXPECT_TRUE(c->wait(false, 2));
    EXPECT_FALSE(client(1, "d")->wait(false, 0));
}

TEST_F(QueueTest, ATurnIsPassedOnByThoseWhoLeave) {
    const auto a = client(0, "a");
    const auto b = client(1, "b");
    const auto c = client(0, "c");
    for (const auto* each : {&a, &b, &c}) EXPECT_TRUE((*each)->wait());
    end(1);
    event_base_loop(loop.base(), EVLOOP_NONBLOCK);  // the first worker is called
    a->leave();
    run();
    EXPECT_EQ(served, "b");
    b->leave();
    c->leave();
    EXPECT_EQ(lengths[0] + lengths[1], 0U);
}

TEST_F(QueueTest, WhoWaitsForAnotherServerHoldsNobodyUp) {
    const auto a = client(0, "a");
    const auto b = client(1, "b");
    const auto c = client(0, "c");
    a->elsewhere = true;
    EXPECT_TRUE(a->wait(true));
    EXPECT_TRUE(b->wait());
    EXPECT_TRUE(c->wait());
    end(0);
    end(1);
    run();
    EXPECT_EQ(served, "bc");
    EXPECT_EQ(lengths[0], 1U);

    a->elsewhere = false;
    end(1);
    run();
    EXPECT_EQ(served, "bca");
}

TEST_F(QueueTest, NobodyIsAskedInVainForEver) {
    const auto a = client(0, "a");
    const auto b = client(1, "b");
    const auto c = client(1, "c");
    c->elsewhere = true;
    EXPECT_TRUE(a->wait());
    EXPECT_TRUE(b->wait());
    EXPECT_TRUE(c->wait(true));
    tries = 0;
    queues[0]->place_left();  // which is gone again at once
    queues[1]->place_left();
    run();
    EXPECT_LE(tries, 6U);
    EXPECT_EQ(served, "");
}

TEST_F(QueueTest, WithoutLimitsNothingIsDone) {
    for (const auto& queue : queues) queue->configure(false);
    const auto a = client(0, "a");
    EXPECT_TRUE(a->wait());
    EXPECT_FALSE(queues[1]->busy());
    end(1);
    run();
    EXPECT_EQ(served, "");
    queues[0]->serve();  // as after a reload
    EXPECT_EQ(served, "a");
}

}  // namespace
}  // namespace otto
