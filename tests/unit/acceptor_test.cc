// What Otto relies on in evhttp.

#include "accept/acceptor.h"

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/loop.h"
#include "event/timer.h"

namespace otto::accept {
namespace {

using namespace std::chrono_literals;

class AcceptorTest : public testing::Test, public AcceptorObserver {
  protected:
    AcceptorTest() { acceptor = std::move(*Acceptor::open(loop, *this)); }
    ~AcceptorTest() override { accepted.clear(); }

    void listen(const Address& at) {
        UniqueFd fd(::socket(at.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::bind(fd.get(), at.get(), at.length()), 0);
        ASSERT_EQ(::listen(fd.get(), 128), 0);
        sockaddr_storage name{};
        socklen_t length = sizeof name;
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &length);
        address = at.is_ip() ? Address(reinterpret_cast<sockaddr*>(&name), length) : at;
        ASSERT_TRUE(acceptor->listen(std::move(fd)));
    }
    void listen_locally() { listen(*Address::from_ip("127.0.0.1", 0)); }
    UniqueFd connect() const {
        UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(fd.get(), address.get(), address.length()), 0);
        return fd;
    }
    void run_until(const std::function<bool()>& holds) {
        Timer turn(loop, [&] { holds() ? loop.stop() : turn.set_after({}); });
        Timer guard(loop, [this] { loop.stop(); });
        turn.set_after({});
        guard.set_after(20s);
        EXPECT_TRUE(loop.run());
        EXPECT_TRUE(holds());
    }
    /// Clients whose connections have been accepted.
    std::vector<UniqueFd> clients(std::size_t count) {
        std::vector<UniqueFd> all;
        while (all.size() < count) all.push_back(connect());
        const std::size_t wanted = accepted.size() + count;
        run_until([this, wanted] { return accepted.size() >= wanted; });
        return all;
    }
    /// What the client sees of the connection: -1 while it is open.
    static ssize_t seen(const UniqueFd& client) {
        char byte = 0;
        return ::recv(client.get(), &byte, 1, MSG_DONTWAIT);
    }
    static void end(Accepted& connection) {
        connection.evhttp.end();
        connection.fd.reset();
    }

    void on_accepting() override {
        ++accepting;
        if (hook) hook();
    }
    void on_accepted(Accepted connection) override { accepted.push_back(std::move(connection)); }
    void on_vanished() override { ++vanished; }
    void on_accept_failed(int error_number) override {
        failures.push_back(error_number);
        acceptor->set_accepting(false);
    }

    Loop loop = std::move(*Loop::open());
    std::unique_ptr<Acceptor> acceptor;
    Address address;
    int accepting = 0;
    int vanished = 0;
    std::vector<int> failures;
    std::vector<Accepted> accepted;
    std::function<void()> hook;
};

TEST_F(AcceptorTest, KnowsThePeer) {
    listen_locally();
    const auto client = clients(1);
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    ::getsockname(client[0].get(), reinterpret_cast<sockaddr*>(&name), &length);
    EXPECT_EQ(accepted[0].peer, Address(reinterpret_cast<sockaddr*>(&name), length));
}

TEST_F(AcceptorTest, AClientOfAUnixSocketHasNoAddress) {
    listen(*Address::from_path("@otto-acceptor-test-" + std::to_string(::getpid())));
    const auto client = clients(1);
    EXPECT_FALSE(accepted[0].peer.is_ip());
}

TEST_F(AcceptorTest, EachConnectionHasItsOwnDescriptorAndRequest) {
    listen_locally();
    const auto all = clients(20);
    EXPECT_EQ(accepting, 20);
    for (Accepted& each : accepted) {
        EXPECT_FALSE(each.evhttp.dispatched());
        each.evhttp.dispatch();
        EXPECT_TRUE(each.evhttp.dispatched());
    }
    for (std::size_t at = 0; at < all.size(); ++at) {
        EXPECT_EQ(::send(accepted[at].fd.get(), "x", 1, 0), 1);
        EXPECT_EQ(seen(all[at]), 1) << "they come in the order of the backlog";
    }
}

TEST_F(AcceptorTest, EvhttpsEndShutsTheConnectionDown) {
    listen_locally();
    const auto all = clients(2);
    accepted[0].evhttp.dispatch();
    for (std::size_t at : {0U, 1U}) {  // with a request, and without
        EXPECT_EQ(seen(all[at]), -1);
        accepted[at].evhttp.end();
        EXPECT_EQ(seen(all[at]), 0) << "before the descriptor is closed";
        EXPECT_GE(::fcntl(accepted[at].fd.get(), F_GETFD), 0);
        accepted[at].evhttp.end();  // harmless
    }
}

TEST_F(AcceptorTest, TheEndOfOneIsNoneOfTheOthers) {
    listen_locally();
    const auto all = clients(3);
    end(accepted[1]);
    accepted[0].evhttp.dispatch();
    end(accepted[0]);
    accepted[2].evhttp.dispatch();
    EXPECT_EQ(seen(all[2]), -1);
    const auto more = clients(1);
    accepted[3].evhttp.dispatch();
    EXPECT_TRUE(accepted[3].evhttp.dispatched());
}

TEST_F(AcceptorTest, AConnectionMayEndWhileAnotherIsAccepted) {
    listen_locally();
    const auto old = clients(4);
    std::size_t next = 0;
    hook = [&] {
        accepted[next].evhttp.dispatch();
        end(accepted[next++]);
    };
    const auto fresh = clients(4);
    hook = nullptr;
    for (std::size_t at = 4; at < 8; ++at) {
        accepted[at].evhttp.dispatch();
        EXPECT_EQ(::send(accepted[at].fd.get(), "x", 1, 0), 1);
    }
    for (const UniqueFd& client : fresh) EXPECT_EQ(seen(client), 1);
}

TEST_F(AcceptorTest, StopsInTheMiddleOfABacklog) {
    listen_locally();
    hook = [this] { acceptor->set_accepting(false); };
    std::vector<UniqueFd> waiting;
    for (int each = 0; each < 3; ++each) waiting.push_back(connect());
    run_until([this] { return accepted.size() == 1; });
    int turns = 0;
    run_until([&turns] { return ++turns > 5; });
    EXPECT_EQ(accepted.size(), 1U);
    hook = nullptr;
    acceptor->set_accepting(true);
    run_until([this] { return accepted.size() == 3; });
}

TEST_F(AcceptorTest, SaysWhyItCannotAccept) {
    listen_locally();
    const UniqueFd client = connect();
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int least_free = ::dup(0);
    ::close(least_free);
    const rlimit none{static_cast<rlim_t>(least_free), before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    run_until([this] { return !failures.empty(); });
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(failures, std::vector{EMFILE});
    acceptor->set_accepting(true);
    run_until([this] { return accepted.size() == 1; });
}

TEST_F(AcceptorTest, AfterTheListenersItsConnectionsStay) {
    listen_locally();
    const auto all = clients(2);
    acceptor->stop_listening();
    accepted[0].evhttp.dispatch();
    end(accepted[0]);
    EXPECT_EQ(seen(all[0]), 0);
    EXPECT_EQ(seen(all[1]), -1);
}

}  // namespace
}  // namespace otto::accept
