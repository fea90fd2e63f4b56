// What a listener does with connections that wait for their clients.

#include "accept/listener.h"

#include <cerrno>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "event/loop.h"
#include "event/timer.h"
#include "fakes/clock.h"

namespace otto::accept {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Answers each request at once, unless `holds_` is set.
class ListenerTest : public testing::Test, private http::ClientObserver {
  protected:
    explicit ListenerTest(unsigned workers = 1) : share_(workers) {
        char folder[] = "/tmp/otto-listener-XXXXXX";
        folder_ = ::mkdtemp(folder);
        address_ = *Address::from_path(folder_ + "/socket");
        UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::bind(listener.get(), address_.get(), address_.length()), 0);
        EXPECT_EQ(::listen(listener.get(), 128), 0);
        listener_ = std::move(*Listener::open(
            loop_,
            {.on_request = [this](http::ClientStream& client) { on_request(client); },
             .on_connections = [](std::uint64_t) {},
             .on_accept_paused = [this](const char*, int) { ++pauses_; },
             .on_accept_resumed = [] {},
             .on_bad_proxy_header = [](const Address&, const char*) {}},
            share_, 0));
        EXPECT_TRUE(listener_->listen(std::move(listener)));
        configure(20s);
    }
    ~ListenerTest() override {
        listener_.reset();
        ::unlink((folder_ + "/socket").c_str());
        ::rmdir(folder_.c_str());
    }

    void configure(Duration client_idle) {
        Config config;
        config.timeouts.client_idle = client_idle;
        listener_->configure(config);
    }

    /// A connection that the kernel has made.
    UniqueFd knock() {
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(fd.get(), address_.get(), address_.length()), 0);
        return fd;
    }
    /// One that is accepted.
    UniqueFd connect() {
        UniqueFd fd = knock();
        const auto before = listener_->connections();
        run_until([this, before] { return listener_->connections() > before; });
        return fd;
    }

    static void say(const UniqueFd& client, std::string_view text) {
        EXPECT_EQ(::send(client.get(), text.data(), text.size(), 0),
                  static_cast<ssize_t>(text.size()));
    }

    /// A connection that has had a request, whose answer is read.
    UniqueFd used() {
        UniqueFd client = connect();
        say(client, request);
        const auto before = answered_;
        run_until([this, before] { return answered_ > before; });
        EXPECT_TRUE(hear(client).starts_with("HTTP/1.1 204 "));
        return client;
    }

    /// What has come; "" also at the end.
    static std::string hear(const UniqueFd& client) {
        char bytes[512];
        const ssize_t length = ::recv(client.get(), bytes, sizeof bytes, MSG_DONTWAIT);
        return {bytes, length > 0 ? static_cast<std::size_t>(length) : 0};
    }

    /// Until `holds`, which is asked in each turn of the loop.
    void run_until(const std::function<bool()>& holds) {
        Timer turn(loop_, [this, &holds, &turn] {
            if (holds()) {
                loop_.stop();
            } else {
                turn.set_after({});
            }
        });
        Timer guard(loop_, [this] { loop_.stop(); });
        turn.set_after({});
        guard.set_after(20s);
        EXPECT_TRUE(loop_.run());
        EXPECT_TRUE(holds()) << "not within 20 s";
    }
    void pass(fakes::SteppedClock& clock, Duration duration) {
        clock.advance(duration);
        for (int i = 0; i < 16; ++i) event_base_loop(loop_.base(), EVLOOP_NONBLOCK);
    }
    void run_turns(int count) {
        run_until([&count] { return --count < 0; });
    }
    void drain() {
        bool drained = false;
        listener_->drain([&drained] { drained = true; });
        run_until([&drained] { return drained; });
    }
    void run_until_empty() {
        run_until([this] { return listener_->connections() == 0; });
    }

    Loop loop_ = std::move(*Loop::open());
    ConnectionShare share_;
    std::string folder_;
    Address address_;
    std::unique_ptr<Listener> listener_;
    std::vector<unsigned> refusals_;
    unsigned answered_ = 0;
    unsigned pauses_ = 0;
    bool holds_ = false;
    http::ClientStream* held_ = nullptr;  // the last client whose request waits for its answer
    std::function<void()> on_answered_ = [] {};  // before the connection goes on, or ends

    void answer(http::ClientStream& client) {
        if (client.refusal()) refusals_.push_back(client.refusal().status);
        client.begin_reply(http::LocalHead{.status = 204}, {.date = "now"});
        EXPECT_TRUE(client.end_reply());
        ++answered_;
        on_answered_();
        client.finish(false);
    }

  private:
    void on_request(http::ClientStream& client) {
        client.observe(*this);
        if (holds_) {
            held_ = &client;
        } else {
            answer(client);
        }
    }
    void on_client_body() override {}
    void on_client_drained() override {}
    void on_client_gone() override {}
};

TEST_F(ListenerTest, TheLastReplyOfAConnectionSaysSo) {
    const UniqueFd client = used();
    listener_->end_keep_alive();
    say(client, request);
    run_until_empty();
    EXPECT_NE(hear(client).find("Connection: close"), std::string::npos);
}

TEST_F(ListenerTest, IdleConnectionsStayUntilTheDrain) {
    const UniqueFd client = used();
    listener_->end_keep_alive();
    run_turns(50);
    EXPECT_EQ(listener_->connections(), 1u);
    bool drained = false;
    listener_->drain([&drained] { drained = true; });
    EXPECT_TRUE(drained) << "nothing keeps it";
}

TEST_F(ListenerTest, BytesThatAreNotReadDestroyNoLastReply) {
    const UniqueFd client = used();
    listener_->end_keep_alive();
    on_answered_ = [&client] { say(client, request); };  // pipelined, and left in the kernel
    say(client, request);
    run_until([this] { return answered_ == 2; });
    EXPECT_NE(hear(client).find("Connection: close"), std::string::npos);
    char byte = 0;
    ssize_t length = -1;
    bool ended = false;
    run_until([&] {
        if (ended) return true;
        length = ::recv(client.get(), &byte, 1, MSG_DONTWAIT);
        ended = length >= 0 || errno != EAGAIN;
        return ended;
    });
    EXPECT_EQ(length, 0) << "it ends without a reset";
}

TEST_F(ListenerTest, ADrainAnswersWhatHasCome) {
    const UniqueFd client = used();
    say(client, request);
    bool drained = false;
    listener_->drain([&drained] { drained = true; });
    EXPECT_FALSE(drained) << "a request waits in the kernel";
    run_until([&drained] { return drained; });
    EXPECT_NE(hear(client).find("Connection: close"), std::string::npos);
}

TEST_F(ListenerTest, ADrainLetsANewConnectionSendItsRequest) {
    const UniqueFd client = connect();
    bool drained = false;
    listener_->drain([&drained] { drained = true; });
    say(client, request);
    run_until([&drained] { return drained; });
    EXPECT_NE(hear(client).find("Connection: close"), std::string::npos);
}

TEST_F(ListenerTest, ADrainClosesAConnectionThatSaysNothing) {
    const UniqueFd client = connect();
    drain();
    EXPECT_EQ(answered_, 0u);
}

TEST_F(ListenerTest, AnEmptyLineKeepsNoConnectionOpen) {
    const UniqueFd read_already = used();
    say(read_already, "\r\n");
    run_turns(50);
    const UniqueFd not_yet = used();
    say(not_yet, "\r\n");
    bool drained = false;
    listener_->drain([&drained] { drained = true; });
    EXPECT_EQ(listener_->connections(), 1u);
    run_until([&drained] { return drained; });
    EXPECT_EQ(answered_, 2u);
}

/// A connection that may be closed leaves a place for another. When none is left, the next one
/// waits in the kernel, and none is closed for it.
TEST_F(ListenerTest, AcceptsNoMoreThanTheLimit) {
    fakes::SteppedClock clock;
    share_.set_limit(2);
    holds_ = true;
    const UniqueFd first = knock();
    say(first, request);
    pass(clock, 10ms);
    http::ClientStream* held = std::exchange(held_, nullptr);
    ASSERT_NE(held, nullptr);
    const UniqueFd second = knock();
    pass(clock, 10ms);
    EXPECT_EQ(listener_->connections(), 2u);
    say(second, request);
    pass(clock, 10ms);
    http::ClientStream* other = std::exchange(held_, nullptr);
    ASSERT_NE(other, nullptr);

    const UniqueFd third = knock();
    holds_ = false;
    pass(clock, 200ms);
    EXPECT_EQ(listener_->connections(), 2u);
    answer(*held);
    say(third, request);
    pass(clock, 10ms);
    EXPECT_TRUE(hear(first).starts_with("HTTP/1.1 204 "));
    char byte = 0;
    EXPECT_EQ(::recv(first.get(), &byte, 1, MSG_DONTWAIT), 0) << "closed for the third";
    EXPECT_TRUE(hear(third).starts_with("HTTP/1.1 204 "));
    answer(*other);
    EXPECT_TRUE(hear(second).starts_with("HTTP/1.1 204 "));
    EXPECT_EQ(pauses_, 1u) << "reported once";
}

/// A crowd of just as many clients as the limit allows, all busy for a moment, is no shortage.
TEST_F(ListenerTest, AMomentAtTheLimitIsNotReported) {
    fakes::SteppedClock clock;
    share_.set_limit(1);
    const UniqueFd client = knock();
    pass(clock, 10ms);
    holds_ = true;
    for (int i = 0; i < 20; ++i) {
        say(client, request);
        pass(clock, 10ms);
        ASSERT_NE(held_, nullptr);
        pass(clock, 40ms);
        answer(*std::exchange(held_, nullptr));
        pass(clock, 10ms);
    }
    EXPECT_EQ(pauses_, 0u);
    say(client, request);
    pass(clock, 10ms);
    for (int i = 0; i < 3; ++i) pass(clock, 100ms);
    EXPECT_EQ(pauses_, 1u);
    answer(*std::exchange(held_, nullptr));
}

/// Each that ends makes a place for one that has waited in the kernel.
TEST_F(ListenerTest, AQueueInTheKernelIsReported) {
    fakes::SteppedClock clock;
    share_.set_limit(1);
    holds_ = true;
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 4; ++i) {
        clients.push_back(knock());
        say(clients.back(), request);
    }
    pass(clock, 10ms);
    EXPECT_EQ(pauses_, 0u);
    for (int i = 0; i < 3; ++i) {
        ASSERT_NE(held_, nullptr);
        answer(*std::exchange(held_, nullptr));
        pass(clock, 20ms);
    }
    EXPECT_EQ(pauses_, 1u);
    answer(*std::exchange(held_, nullptr));
}

class BesideAnotherWorker : public ListenerTest {
  protected:
    BesideAnotherWorker() : ListenerTest(2) {
        share_.on_asked(1, [this] { ++asked_; });
    }
    unsigned asked_ = 0;  // the other one, for room
};

/// The last connection that could be closed, the other worker's, becomes busy just before one more
/// is accepted here.
TEST_F(BesideAnotherWorker, AConnectionThatIsTooManyStays) {
    holds_ = true;
    share_.set_limit(2);
    share_.publish_open(1, 1);
    share_.publish_order(1, 0, 1);
    const UniqueFd first = connect();
    say(first, request);
    run_until([this] { return held_ != nullptr; });
    http::ClientStream* held = std::exchange(held_, nullptr);
    share_.publish_order(1, EvictionOrder::nothing, 0);
    const UniqueFd second = connect();
    share_.ask(0, ConnectionShare::below_limit);
    listener_->make_room_for_others();
    EXPECT_EQ(listener_->connections(), 2u);
    EXPECT_EQ(asked_, 0u);
    holds_ = false;
    say(second, request);
    run_until([this] { return answered_ == 1; });
    EXPECT_TRUE(hear(second).starts_with("HTTP/1.1 204 "));
    answer(*held);
}

/// It was asked for room, and became full before it could answer.
TEST_F(BesideAnotherWorker, AnIdleConnectionIsClosedAllTheSame) {
    share_.set_limit(1);
    const UniqueFd idle = used();
    share_.publish_open(1, 1);  // the one that asks, busy by now
    share_.ask(0, ConnectionShare::below_limit);
    listener_->make_room_for_others();
    run_until([this] { return listener_->connections() == 0; });
}

TEST_F(BesideAnotherWorker, NothingIsClosedThereForOneThatIsTooMany) {
    holds_ = true;
    share_.set_limit(2);
    share_.publish_open(1, 1);
    share_.publish_order(1, 0, 1);
    const UniqueFd first = connect();
    say(first, request);
    run_until([this] { return held_ != nullptr; });
    share_.publish_open(1, 2);  // one is busy, and one has been accepted beyond the limit
    const UniqueFd second = connect();
    EXPECT_EQ(asked_, 0u);
    EXPECT_EQ(listener_->connections(), 2u);
    share_.publish_open(1, 1);  // the one that can be closed
    const UniqueFd third = connect();
    EXPECT_EQ(asked_, 1u);
}

}  // namespace
}  // namespace otto::accept
