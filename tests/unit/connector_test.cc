#include "net/connector.h"

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/handle.h"
#include "event/deferred.h"
#include "event/loop.h"
#include "event/timer.h"

namespace otto::net {
namespace {

using namespace std::chrono_literals;

/// A listening socket of this host.
struct Listener {
    explicit Listener(const Address& at, int backlog = 16)
        : fd(::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        EXPECT_EQ(::bind(fd.get(), at.get(), at.length()), 0);
        EXPECT_EQ(::listen(fd.get(), backlog), 0);
        sockaddr_storage name{};
        socklen_t length = sizeof name;
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &length);
        address = at.is_ip() ? Address(reinterpret_cast<sockaddr*>(&name), length) : at;
    }
    UniqueFd accept() const { return UniqueFd(::accept(fd.get(), nullptr, nullptr)); }

    UniqueFd fd;
    Address address;
};

Address loopback() {
    return *Address::from_ip("127.0.0.1", 0);
}

/// An address at which nothing listens.
Address refusing() {
    return Listener(loopback()).address;
}

class ConnectorTest : public testing::Test, public ConnectorObserver {
  protected:
    /// Connects until there is a result. Fails the test when there is none.
    void connect(std::vector<Address> to, std::size_t first = 0) {
        addresses = std::move(to);
        connector.emplace(loop, addresses, first, *this);
        connector->go_on();
        run();
    }
    void run() {
        if (over) return;
        Timer guard(loop, [this] { loop.stop(); });
        guard.set_after(10s);
        EXPECT_TRUE(loop.run());
        EXPECT_TRUE(over) << "neither connected nor failed";
    }
    void end() {
        over = true;
        loop.stop();
    }

    void on_connected() override {
        stream = connector->take();
        end();
    }
    void on_address_failed(int error_number) override {
        errors.push_back(error_number);
        frames.insert(__builtin_frame_address(0));
        if (on_error) on_error();
    }
    void on_failed(int error_number) override {
        EXPECT_EQ(errors.back(), error_number);
        end();
    }
    void on_backlog_full() override {
        ++backlogs_full;
        if (on_full) on_full();
    }
    void on_retry() override { connector->go_on(); }
    bool on_descriptors_short() override {
        ++shortages;
        spare.reset();
        return shortages == 1;
    }

    Loop loop = std::move(*Loop::open());
    std::vector<Address> addresses;
    std::optional<Connector> connector;
    std::unique_ptr<ByteStream> stream;
    std::vector<int> errors;
    std::set<const void*> frames;  // of the calls that brought them
    int backlogs_full = 0;
    int shortages = 0;
    UniqueFd spare;
    std::function<void()> on_full;
    std::function<void()> on_error;
    bool over = false;
};

TEST_F(ConnectorTest, ConnectsToThePreferredAddress) {
    const Listener one(loopback());
    const Listener two(loopback());
    connect({one.address, two.address}, 1);
    ASSERT_TRUE(stream);
    EXPECT_EQ(connector->index(), 1U);
    EXPECT_TRUE(errors.empty());
    UniqueFd peer = two.accept();
    iovec piece{const_cast<char*>("hello"), 5};
    EXPECT_EQ(stream->send({&piece, 1}), 5);
    char got[8];
    EXPECT_EQ(::recv(peer.get(), got, sizeof got, 0), 5);
}

TEST_F(ConnectorTest, TriesTheAddressesInTurnAndBeginsAgainAtTheFirst) {
    const Listener listener(loopback());
    connect({listener.address, refusing(), refusing()}, 1);
    ASSERT_TRUE(stream);
    EXPECT_EQ(connector->index(), 0U);
    EXPECT_EQ(errors, (std::vector{ECONNREFUSED, ECONNREFUSED}));
    EXPECT_EQ(connector->left(), 1U);
}

TEST_F(ConnectorTest, FailsWhenEachAddressHas) {
    connect({refusing(), *Address::from_path("/nowhere/at-all")});
    EXPECT_FALSE(stream);
    EXPECT_EQ(errors, (std::vector{ECONNREFUSED, ENOENT}));
}

TEST_F(ConnectorTest, ManyAddressesThatFailAtOnceTakeNeitherTheStackNorTheTurn) {
    constexpr std::size_t many = 10'000;
    std::size_t turns = 0;
    std::optional<Deferred> turn;
    turn.emplace(loop, [&] {
        ++turns;
        turn->schedule();
    });
    turn->schedule();
    connect(std::vector<Address>(many, *Address::from_path("/nowhere/at-all")));
    EXPECT_FALSE(stream);
    EXPECT_EQ(errors.size(), many);
    EXPECT_LE(frames.size(), 2u) << "from the first turn, and from all others";
    EXPECT_GT(turns, 1u);
}

TEST_F(ConnectorTest, TheObserverMaySkipTheOtherAddresses) {
    on_error = [this] { connector->skip_others(); };
    connect({*Address::from_path("/nowhere/at-all"), refusing()});
    EXPECT_FALSE(stream);
    EXPECT_EQ(errors, std::vector{ENOENT});
}

TEST_F(ConnectorTest, IsCancelledBetweenTwoTurns) {
    addresses.assign(10'000, *Address::from_path("/nowhere/at-all"));
    connector.emplace(loop, addresses, 0, *this);
    connector->go_on();
    const std::size_t tried = errors.size();
    ASSERT_LT(tried, addresses.size());
    connector->cancel();
    event_base_loop(loop.base(), EVLOOP_NONBLOCK);
    EXPECT_EQ(errors.size(), tried);
}

TEST_F(ConnectorTest, WaitsForAPlaceInABacklog) {
    const Address address =
        *Address::from_path("@otto-connector-test-" + std::to_string(::getpid()));
    const Listener listener(address, 0);
    UniqueFd first(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::connect(first.get(), address.get(), address.length()), 0);
    on_full = [&] {
        EXPECT_TRUE(connector->backlog_full());
        if (backlogs_full == 2) listener.accept();
    };
    connect({address});
    ASSERT_TRUE(stream);
    EXPECT_FALSE(connector->backlog_full());
    EXPECT_GE(backlogs_full, 2);
    EXPECT_TRUE(errors.empty());
}

TEST_F(ConnectorTest, AsksForADescriptorOnce) {
    const Listener listener(loopback());
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    spare.reset(::dup(0));
    const int least_free = ::dup(0);
    ::close(least_free);
    const rlimit none{static_cast<rlim_t>(least_free), before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    connect({listener.address});  // gets the one that is freed
    EXPECT_TRUE(stream);
    EXPECT_EQ(shortages, 1);
    over = false;
    std::unique_ptr<ByteStream> kept = std::move(stream);
    connect({listener.address});
    EXPECT_FALSE(stream);
    EXPECT_EQ(errors, std::vector{EMFILE});
    EXPECT_EQ(shortages, 2);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(ConnectorTest, ASilentAddressIsGivenUpByTheCaller) {
    // With its backlog full, Linux drops further SYNs: connect(2) stays undecided.
    const Listener silent(loopback(), 0);
    std::vector<UniqueFd> fill;
    for (int each = 0; each < 3; ++each) {
        fill.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        ::connect(fill.back().get(), silent.address.get(), silent.address.length());
    }
    const Listener listener(loopback());
    addresses = {silent.address, listener.address};
    connector.emplace(loop, addresses, 0, *this);
    connector->go_on();
    Timer patience(loop, [this] {
        EXPECT_FALSE(over);
        EXPECT_TRUE(connector->next());
        connector->go_on();
    });
    patience.set_after(30ms);
    run();
    EXPECT_TRUE(stream);
    EXPECT_EQ(connector->index(), 1U);
    EXPECT_TRUE(errors.empty());
}

}  // namespace
}  // namespace otto::net
