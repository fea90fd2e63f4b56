#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/handle.h"
#include "event/loop.h"
#include "event/timer.h"
#include "event/watch.h"
#include "health/http_probe.h"
#include "health/monitor.h"
#include "health/tcp_probe.h"

namespace otto {
namespace {

constexpr const char* ok_response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

Address address_of(int fd) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length), 0);
    return {reinterpret_cast<const sockaddr*>(&storage), length};
}

/// A bound TCP socket of 127.0.0.1, which refuses connections until it listens.
UniqueFd bind_tcp(std::uint16_t port = 0) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const Address address = *Address::from_ip("127.0.0.1", port);
    EXPECT_EQ(::bind(fd.get(), address.get(), address.length()), 0);
    return fd;
}

/// A server under test: what it answers is a test's choice and may change at any time.
class Backend {
  public:
    explicit Backend(const Loop& loop) : Backend(loop, bind_tcp()) {}
    Backend(const Loop& loop, UniqueFd fd)
        : loop_(loop), fd_(std::move(fd)), address_(address_of(fd_.get())) {}

    Backend& listen() {
        EXPECT_EQ(::listen(fd_.get(), 1024), 0);
        accepting_.emplace(loop_, fd_.get(), Watch::Interest::readable,
                           [this](Readiness) { accept(); });
        return *this;
    }
    /// Refuses connections from now on.
    void stop() {
        accepting_.reset();
        fd_.reset();
        connections_.clear();
    }
    void restart() {
        fd_ = bind_tcp(address_.port());
        listen();
    }

    const Address& address() const { return address_; }

    std::string response = ok_response;  // "": none at all
    bool drip = false;                   // a byte at a time
    bool close = true;                   // after the response
    unsigned probes = 0;                 // requests, or connections closed without one
    std::string request;                 // the last one
    std::size_t most_open = 0;

  private:
    struct Connection {
        UniqueFd fd;
        std::string request;
        std::size_t sent = 0;
        std::optional<Watch> watch;
        std::optional<Timer> timer;
    };

    void accept() {
        for (;;) {
            UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (!fd) return;
            const int key = fd.get();
            Connection& connection = connections_[key];
            connection.fd = std::move(fd);
            connection.watch.emplace(loop_, key, Watch::Interest::readable,
                                     [this, key](Readiness) { read(key); });
            most_open = std::max(most_open, connections_.size());
        }
    }

    void read(int key) {
        Connection& connection = connections_.at(key);
        std::array<char, 4096> bytes;
        const ssize_t count = ::recv(key, bytes.data(), bytes.size(), 0);
        if (count <= 0) {
            if (connection.request.empty()) ++probes;
            connections_.erase(key);
            return;
        }
        connection.request.append(bytes.data(), static_cast<std::size_t>(count));
        if (!connection.request.ends_with("\r\n\r\n")) return;
        ++probes;
        request = connection.request;
        if (!response.empty()) answer(key);
    }

    void answer(int key) {
        Connection& connection = connections_.at(key);
        const std::size_t length = drip ? 1 : response.size() - connection.sent;
        const ssize_t count = ::send(key, response.data() + connection.sent, length, MSG_NOSIGNAL);
        if (count < 0) {
            connections_.erase(key);
            return;
        }
        connection.sent += static_cast<std::size_t>(count);
        if (connection.sent < response.size()) {
            connection.timer.emplace(loop_, [this, key] { answer(key); });
            connection.timer->set_after(1ms);
            return;
        }
        if (close) connections_.erase(key);
    }

    const Loop& loop_;
    UniqueFd fd_;
    Address address_;
    std::map<int, Connection> connections_;
    std::optional<Watch> accepting_;
};

class HealthTest : public testing::Test {
  protected:
    HealthTest() {
        config.interval = 10ms;
        config.timeout = 5s;
    }

    /// Runs the loop until `reached` holds; fails the test when it does not for too long.
    void run_until(const std::function<bool()>& reached) {
        bool expired = false;
        Timer guard(loop, [&expired] { expired = true; });
        guard.set_after(20s);
        while (!expired && !reached()) event_base_loop(loop.base(), EVLOOP_ONCE);
        ASSERT_FALSE(expired) << "waited in vain";
    }

    static std::shared_ptr<Server> server_at(std::vector<Address> addresses,
                                             const std::string& base_path = "") {
        return std::make_shared<Server>("http://name:1" + base_path, "name:1", base_path,
                                        std::move(addresses));
    }

    std::unique_ptr<Monitor> make_monitor() {
        return std::make_unique<Monitor>(loop, [this](const Monitor::Flip& flip) {
            flips.push_back({flip.from, flip.to, flip.reason, flip.first});
        });
    }

    /// The result of one HTTP probe.
    ProbeResult probe(const std::shared_ptr<Server>& server) {
        std::optional<ProbeResult> result;
        HttpProbe one(loop, server, config,
                      [&result](ProbeResult got) { result = std::move(got); });
        EXPECT_FALSE(result) << "told from the constructor";
        run_until([&result] { return result.has_value(); });
        return result.value_or(ProbeResult{});
    }
    ProbeResult probe_answering(const std::string& response) {
        Backend backend(loop);
        backend.listen().response = response;
        return probe(server_at({backend.address()}));
    }

    struct Seen {
        Health from;
        Health to;
        std::string reason;
        bool first;
    };
    Loop loop = std::move(*Loop::open());
    HealthCheckConfig config;
    std::vector<Seen> flips;
};

using Outcome = ProbeResult::Outcome;

TEST_F(HealthTest, ProbePassesOnAStatusInRange) {
    EXPECT_EQ(probe_answering(ok_response).outcome, Outcome::passed);
    EXPECT_EQ(probe_answering("HTTP/1.0 404 Nope\r\n\r\n").outcome, Outcome::passed);
    const ProbeResult failed = probe_answering("HTTP/1.1 500 Oops\r\n\r\n");
    EXPECT_EQ(failed.outcome, Outcome::failed);
    EXPECT_EQ(failed.reason, "status 500");
    config.status_min = config.status_max = 204;
    EXPECT_EQ(probe_answering("HTTP/1.1 204 None\r\n\r\n").outcome, Outcome::passed);
    EXPECT_EQ(probe_answering(ok_response).reason, "status 200");
}

TEST_F(HealthTest, ProbeDoesNotWaitForTheBody) {
    Backend backend(loop);
    backend.listen().response = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    backend.close = false;
    EXPECT_EQ(probe(server_at({backend.address()})).outcome, Outcome::passed);
}

TEST_F(HealthTest, ProbeSendsTheConfiguredRequest) {
    Backend backend(loop);
    backend.listen();
    probe(server_at({backend.address()}));
    EXPECT_EQ(backend.request,
              "GET / HTTP/1.1\r\nHost: name:1\r\nConnection: close\r\n"
              "User-Agent: otto-health-check\r\nAccept: */*\r\n\r\n");
    config.method = "HEAD";
    config.path = "/ready?deep=1";
    config.host = "example.org";
    probe(server_at({backend.address()}, "/api"));
    EXPECT_EQ(backend.request.substr(0, 63),
              "HEAD /api/ready?deep=1 HTTP/1.1\r\nHost: example.org\r\nConnection:");
}

TEST_F(HealthTest, ProbePathsAreJoined) {
    EXPECT_EQ(probe_path("", "/"), "/");
    EXPECT_EQ(probe_path("/api", "/"), "/api/");
    EXPECT_EQ(probe_path("/api", "/health"), "/api/health");
    EXPECT_EQ(probe_path("/api/", "health"), "/api/health");
}

TEST_F(HealthTest, ProbeReachesUnixSockets) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const Address address = *Address::from_path("@otto-health-test-" + std::to_string(::getpid()));
    ASSERT_EQ(::bind(fd.get(), address.get(), address.length()), 0);
    Backend backend(loop, std::move(fd));
    backend.listen();
    EXPECT_EQ(probe(server_at({address})).outcome, Outcome::passed);
    EXPECT_NE(backend.request.find("\r\nHost: localhost\r\n"), std::string::npos);
}

TEST_F(HealthTest, ProbeSkipsInterimResponsesWithinReason) {
    const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    EXPECT_EQ(probe_answering("HTTP/1.1 100 Continue\r\n\r\n" + interim + ok_response).outcome,
              Outcome::passed);
    std::string many;
    while (many.size() < 1024 * 1024) many += interim;
    EXPECT_EQ(probe_answering(many + ok_response).reason, "too many interim responses");
    many.resize(many.size() / interim.size() / 2 * interim.size());
    EXPECT_EQ(probe_answering(many + ok_response).outcome, Outcome::passed);
    EXPECT_EQ(probe_answering("HTTP/1.1 101 Switching Protocols\r\n\r\n").outcome, Outcome::failed);
}

TEST_F(HealthTest, ProbeFailsOnWhatIsNoResponse) {
    const ProbeResult garbage = probe_answering("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    EXPECT_EQ(garbage.outcome, Outcome::failed);
    EXPECT_EQ(garbage.reason.substr(0, 20), "malformed response: ");
    EXPECT_EQ(probe_answering("HTTP/1.1 200 OK\r\n").reason, "closed within the response header");
    const ProbeResult endless =
        probe_answering("HTTP/1.1 200 OK\r\nA: " + std::string(1'100'000, 'a'));
    EXPECT_EQ(endless.outcome, Outcome::failed);
    EXPECT_EQ(endless.reason.substr(0, 20), "malformed response: ");
}

TEST_F(HealthTest, ProbeFailsWhenTheServerHangsUp) {
    Backend backend(loop);
    backend.listen().response.clear();
    std::optional<ProbeResult> result;
    HttpProbe one(loop, server_at({backend.address()}), config,
                  [&result](ProbeResult got) { result = std::move(got); });
    run_until([&backend] { return backend.probes == 1; });
    backend.stop();
    run_until([&result] { return result.has_value(); });
    EXPECT_EQ(result->reason, "closed without a response");
}

TEST_F(HealthTest, ProbeTimesOut) {
    config.timeout = 50ms;
    Backend backend(loop);
    backend.listen().response.clear();
    const ProbeResult hung = probe(server_at({backend.address()}));
    EXPECT_EQ(hung.outcome, Outcome::failed);
    EXPECT_EQ(hung.reason, "no response within 50ms");
    backend.response = "HTTP/1.1 200 OK\r\nA: " + std::string(10'000, 'a') + "\r\n\r\n";
    backend.drip = true;
    EXPECT_EQ(probe(server_at({backend.address()})).reason, "no response within 50ms");
}

TEST_F(HealthTest, ProbeReadsAHeadThatDripsIn) {
    Backend backend(loop);
    backend.listen().drip = true;
    EXPECT_EQ(probe(server_at({backend.address()})).outcome, Outcome::passed);
}

TEST_F(HealthTest, ProbeTellsARefusal) {
    const UniqueFd closed = bind_tcp();
    const ProbeResult result = probe(server_at({address_of(closed.get())}));
    EXPECT_EQ(result.outcome, Outcome::failed);
    EXPECT_TRUE(result.refused);
    EXPECT_EQ(result.reason, "connection refused");
}

TEST_F(HealthTest, ProbeFailsWithoutAddresses) {
    EXPECT_EQ(probe(server_at({})).reason, "its name does not resolve");
}

TEST_F(HealthTest, ProbeOfLocalhostPrefersTheAddressThatAnswers) {
    Backend backend(loop);
    backend.listen();
    const auto server =
        server_at({*Address::from_ip("::1", backend.address().port()), backend.address()});
    EXPECT_EQ(probe(server).outcome, Outcome::passed);
    EXPECT_EQ(server->preferred(), 1u);
    EXPECT_EQ(probe(server).outcome, Outcome::passed);

    // Elsewhere after a restart: the other address is found again.
    const auto moved = server_at({backend.address(), *Address::from_ip("127.0.0.1", 1)});
    moved->set_preferred(1);
    EXPECT_EQ(probe(moved).outcome, Outcome::passed);
    EXPECT_EQ(moved->preferred(), 0u);
}

TEST_F(HealthTest, ProbeGivesTheReasonThatTellsMost) {
    const UniqueFd closed = bind_tcp();
    const UniqueFd closed_too = bind_tcp();
    Backend broken(loop);
    broken.listen().response = "broken\r\n\r\n";
    const Address refuses = address_of(closed.get());
    const ProbeResult all = probe(server_at({refuses, address_of(closed_too.get())}));
    EXPECT_EQ(all.reason, "connection refused");
    EXPECT_TRUE(all.refused);
    for (const auto& addresses :
         {std::vector{refuses, broken.address()}, std::vector{broken.address(), refuses}}) {
        const ProbeResult result = probe(server_at(addresses));
        EXPECT_EQ(result.reason.substr(0, 18), "malformed response");
        EXPECT_FALSE(result.refused);
    }
}

TEST_F(HealthTest, ProbeLeavesTimeForTheNextAddress) {
    // Nobody accepts here: once its backlog is full, the kernel ignores further connections.
    const UniqueFd full = bind_tcp();
    ASSERT_EQ(::listen(full.get(), 0), 0);
    const Address swallows = address_of(full.get());
    std::vector<UniqueFd> filling;
    for (int i = 0; i < 4; ++i) {
        filling.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        ::connect(filling.back().get(), swallows.get(), swallows.length());
    }
    config.timeout = 200ms;
    EXPECT_EQ(probe(server_at({swallows})).reason, "no connection within 200ms");
    config.timeout = 5s;
    Backend backend(loop);
    backend.listen();
    const auto server = server_at({swallows, backend.address()});
    EXPECT_EQ(probe(server).outcome, Outcome::passed);
    EXPECT_EQ(server->preferred(), 1u);
}

TEST_F(HealthTest, ProbeBlamesNoServerForOttosOwnWant) {
    Backend backend(loop);
    backend.listen();
    const auto server = server_at({backend.address()});
    EXPECT_EQ(probe(server).outcome, Outcome::passed);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const ProbeResult result = probe(server);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(result.outcome, Outcome::inconclusive);
}

TEST_F(HealthTest, ProbeIsCancelledByDestruction) {
    Backend backend(loop);
    backend.listen().response.clear();
    bool told = false;
    auto one = std::make_unique<HttpProbe>(loop, server_at({backend.address()}), config,
                                           [&told](const ProbeResult&) { told = true; });
    run_until([&backend] { return backend.probes == 1; });
    one.reset();
    EXPECT_FALSE(told);
}

TEST_F(HealthTest, TcpProbePassesOnAConnection) {
    Backend backend(loop);
    backend.listen();
    std::optional<ProbeResult> result;
    const auto take = [&result](ProbeResult got) { result = std::move(got); };
    auto one = std::make_unique<TcpProbe>(loop, server_at({backend.address()}), 5s, take);
    run_until([&result] { return result.has_value(); });
    EXPECT_EQ(result->outcome, Outcome::passed);
    result.reset();
    const UniqueFd closed = bind_tcp();
    one = std::make_unique<TcpProbe>(loop, server_at({address_of(closed.get())}), 5s, take);
    run_until([&result] { return result.has_value(); });
    EXPECT_EQ(result->reason, "connection refused");
}

TEST_F(HealthTest, TheFirstProbeDecides) {
    Backend good(loop);
    good.listen();
    Backend bad(loop);
    bad.listen().response = "HTTP/1.1 503 Not yet\r\n\r\n";
    const auto servers = std::vector{server_at({good.address()}), server_at({bad.address()})};
    const auto monitor = make_monitor();
    EXPECT_TRUE(monitor->settled());
    EXPECT_EQ(monitor->reason(*servers[0]), "");
    monitor->watch(servers, config);
    EXPECT_FALSE(monitor->settled());
    EXPECT_EQ(monitor->reason(*servers[0]), "not checked yet");
    run_until([&monitor] { return monitor->settled(); });
    EXPECT_EQ(servers[0]->health(), Health::healthy);
    EXPECT_EQ(servers[1]->health(), Health::unhealthy);
    EXPECT_EQ(monitor->reason(*servers[0]), "1 check passed");
    EXPECT_EQ(monitor->reason(*servers[1]), "status 503");
    ASSERT_EQ(flips.size(), 2u);
    for (const Seen& flip : flips) {
        EXPECT_TRUE(flip.first);
        EXPECT_EQ(flip.from, Health::unknown);
    }
}

TEST_F(HealthTest, RisesAndFallsAfterProbesInARow) {
    Backend backend(loop);
    backend.listen();
    const auto server = server_at({backend.address()});
    const auto monitor = make_monitor();
    monitor->watch({server}, config);
    run_until([this] { return flips.size() == 1; });

    backend.response = "HTTP/1.1 500 Oops\r\n\r\n";
    backend.probes = 0;
    run_until([this] { return flips.size() == 2; });
    EXPECT_EQ(backend.probes, 3u);
    EXPECT_EQ(flips[1].from, Health::healthy);
    EXPECT_EQ(flips[1].to, Health::unhealthy);
    EXPECT_EQ(flips[1].reason, "status 500");
    EXPECT_FALSE(flips[1].first);

    backend.response = ok_response;
    backend.probes = 0;
    run_until([this] { return flips.size() == 3; });
    EXPECT_EQ(backend.probes, 2u);
    EXPECT_EQ(flips[2].to, Health::healthy);
    EXPECT_EQ(flips[2].reason, "2 checks passed");

    backend.stop();
    run_until([this] { return flips.size() == 4; });
    EXPECT_EQ(flips[3].reason, "connection refused");
    backend.restart();
    run_until([this] { return flips.size() == 5; });
    EXPECT_EQ(server->health(), Health::healthy);
}

TEST_F(HealthTest, TellsEachPassedCheck) {
    Backend good(loop);
    good.listen();
    Backend bad(loop);
    bad.listen().response = "HTTP/1.1 503 Not yet\r\n\r\n";
    const auto servers = std::vector{server_at({good.address()}), server_at({bad.address()})};
    Server* const passing = servers[0].get();
    int passes = 0;
    Monitor monitor(
        loop, [](const Monitor::Flip&) {},
        [&passes, passing](Server& server) {
            EXPECT_EQ(&server, passing);
            ++passes;
        });
    monitor.watch(servers, config);
    run_until([&passes] { return passes == 3; });

    config.type = HealthCheckConfig::Type::off;
    monitor.watch(servers, config);
    passing->take_out();
    monitor.taken_out(*passing, "connection refused");
    run_until([passing] { return passing->health() == Health::healthy; });
    EXPECT_EQ(passes, 3) << "a connection is no check";
}

TEST_F(HealthTest, AnAnswerBringsInAServerThatWasOnlyUnreachable) {
    Backend stopped(loop), bad(loop);
    bad.listen().response = "HTTP/1.1 503 Not yet\r\n\r\n";
    const auto servers = std::vector{server_at({stopped.address()}), server_at({bad.address()})};
    const auto monitor = make_monitor();
    monitor->watch(servers, config);
    run_until([&monitor] { return monitor->settled(); });
    flips.clear();
    for (const auto& server : servers) monitor->answered(*server);
    EXPECT_EQ(servers[0]->health(), Health::healthy) << "its check was refused";
    EXPECT_EQ(servers[1]->health(), Health::unhealthy) << "its check was answered with 503";
    ASSERT_EQ(flips.size(), 1u);
    EXPECT_EQ(flips[0].reason, "it answered a request");
    for (const auto& server : servers) {
        server->set_health(Health::healthy);
        if (server->take_out()) monitor->taken_out(*server, "connection refused");
        monitor->answered(*server);
        EXPECT_EQ(server->health(), Health::healthy) << "it refused since";
    }
    Server stranger("http://name:1", "name:1", "", {});
    monitor->answered(stranger);
}

TEST_F(HealthTest, KeepsTheReasonOfTheLastFailure) {
    Backend backend(loop);
    backend.listen().response = "HTTP/1.1 500 Oops\r\n\r\n";
    const auto server = server_at({backend.address()});
    const auto monitor = make_monitor();
    monitor->watch({server}, config);
    run_until([this] { return flips.size() == 1; });
    backend.response = "HTTP/1.1 502 Worse\r\n\r\n";
    run_until([&] { return monitor->reason(*server) == "status 502"; });
    EXPECT_EQ(flips.size(), 1u);
}

TEST_F(HealthTest, ReportsFailuresThatHaveChangedNothingYet) {
    Backend backend(loop);
    backend.listen();
    const auto server = server_at({backend.address()});
    config.unhealthy_after = 1000;
    const auto monitor = make_monitor();
    monitor->watch({server}, config);
    run_until([this] { return flips.size() == 1; });
    EXPECT_EQ(monitor->report(*server).failures, 0u);
    const TimePoint since = monitor->report(*server).since;
    backend.response = "HTTP/1.1 500 Oops\r\n\r\n";
    run_until([&] { return monitor->report(*server).failures > 1; });
    EXPECT_EQ(monitor->report(*server).failure, "status 500");
    EXPECT_EQ(monitor->report(*server).reason, "1 check passed");
    EXPECT_EQ(monitor->report(*server).since, since);
    backend.response = "HTTP/1.1 200 OK\r\n\r\n";
    run_until([&] { return monitor->report(*server).failures == 0; });
    EXPECT_EQ(monitor->report(*server).failure, "");
}

TEST_F(HealthTest, RecoversFromATakeOutAfterExactlyHealthyAfterPasses) {
    Backend backend(loop);
    backend.listen();
    const auto server = server_at({backend.address()});
    const auto monitor = make_monitor();
    config.healthy_after = 4;
    monitor->watch({server}, config);
    run_until([this] { return flips.size() == 1; });

    ASSERT_TRUE(server->take_out());
    backend.probes = 0;
    monitor->taken_out(*server, "connection refused");
    ASSERT_EQ(flips.size(), 2u);
    EXPECT_EQ(flips[1].to, Health::unhealthy);
    EXPECT_EQ(flips[1].reason, "connection refused");
    run_until([this] { return flips.size() == 3; });
    EXPECT_EQ(backend.probes, 4u);
    EXPECT_EQ(flips[2].to, Health::healthy);
    EXPECT_EQ(flips[2].reason, "4 checks passed");
}

TEST_F(HealthTest, ATakeOutForgetsTheProbeThatBeganBefore) {
    Backend backend(loop);
    backend.listen();
    const auto server = server_at({backend.address()});
    const auto monitor = make_monitor();
    monitor->watch({server}, config);
    run_until([this] { return flips.size() == 1; });
    backend.response.clear();
    const unsigned before = backend.probes;
    run_until([&] { return backend.probes == before + 1; });
    server->take_out();
    monitor->taken_out(*server, "connection refused");
    backend.response = ok_response;
    run_until([this] { return flips.size() == 3; });
    EXPECT_EQ(backend.probes, before + 3);
}

TEST_F(HealthTest, ATakeOutIsReportedOnce) {
    Backend backend(loop);
    backend.listen().response = "HTTP/1.1 500 Oops\r\n\r\n";
    const auto server = server_at({backend.address()});
    const auto monitor = make_monitor();
    monitor->watch({server}, config);
    run_until([this] { return flips.size() == 1; });
    monitor->taken_out(*server, "connection refused");
    EXPECT_EQ(flips.size(), 1u);
    Server stranger("http://b:1", "b:1", "", {});
    monitor->taken_out(stranger, "connection refused");
    EXPECT_EQ(flips.size(), 1u);
}

TEST_F(HealthTest, AReloadKeepsRecords) {
    Backend backend(loop);
    backend.listen();
    Backend other(loop);
    other.listen();
    const auto kept = server_at({backend.address()});
    const auto dropped = server_at({other.address()});
    const auto monitor = make_monitor();
    monitor->watch({kept, dropped}, config);
    run_until([&monitor] { return monitor->settled(); });
    flips.clear();

    const auto added = server_at({other.address()});
    config.path = "/ready";
    config.unhealthy_after = 2;
    monitor->watch({kept, added}, config);
    EXPECT_EQ(kept->health(), Health::healthy);
    EXPECT_EQ(monitor->reason(*kept), "1 check passed");
    EXPECT_EQ(monitor->reason(*dropped), "");
    EXPECT_FALSE(monitor->settled());
    run_until([&] { return monitor->settled() && backend.request.starts_with("GET /ready "); });
    ASSERT_EQ(flips.size(), 1u);
    EXPECT_TRUE(flips[0].first);
    EXPECT_EQ(added->health(), Health::healthy);

    backend.response = "HTTP/1.1 500 Oops\r\n\r\n";
    const unsigned before = backend.probes;
    run_until([this] { return flips.size() == 2; });
    EXPECT_EQ(backend.probes - before, 2u);
}

TEST_F(HealthTest, AReloadForgetsWhatItDropsEvenInFlight) {
    Backend backend(loop);
    backend.listen().response.clear();
    const auto monitor = make_monitor();
    monitor->watch({server_at({backend.address()})}, config);
    run_until([&backend] { return backend.probes == 1; });
    monitor->watch({}, config);
    EXPECT_TRUE(monitor->settled());
    EXPECT_TRUE(flips.empty());
}

TEST_F(HealthTest, AShorterIntervalHoldsAtOnce) {
    Backend backend(loop);
    backend.listen();
    const auto server = server_at({backend.address()});
    const auto monitor = make_monitor();
    config.interval = 1h;
    monitor->watch({server}, config);
    run_until([this] { return flips.size() == 1; });
    config.interval = 10ms;
    monitor->watch({server}, config);
    run_until([&backend] { return backend.probes >= 3; });
}

TEST_F(HealthTest, ServersThatAreNotHealthyAreCheckedSooner) {
    Backend backend(loop);
    const auto server = server_at({backend.address()});
    const auto monitor = make_monitor();
    config.interval = 1h;
    config.down_interval = 10ms;
    monitor->watch({server}, config);
    run_until([this] { return flips.size() == 1; });
    EXPECT_EQ(server->health(), Health::unhealthy);
    backend.listen();
    run_until([this] { return flips.size() == 2; });
    EXPECT_EQ(server->health(), Health::healthy);
    // The next check would be due in an hour.
    server->take_out();
    monitor->taken_out(*server, "connection refused");
    run_until([this] { return flips.size() == 4; });
    EXPECT_EQ(server->health(), Health::healthy);
}

TEST_F(HealthTest, TellsHowFarAServerIsBack) {
    Backend backend(loop);
    const auto server = server_at({backend.address()});
    const auto monitor = make_monitor();
    config.down_interval = 10ms;
    config.healthy_after = 1000;
    monitor->watch({server}, config);
    run_until([this] { return flips.size() == 1; });
    EXPECT_EQ(monitor->reason(*server), "connection refused");
    backend.listen();
    run_until([&] { return monitor->reason(*server) == "the last check passed (2 of 1000)"; });
}

TEST_F(HealthTest, ManyServersThatAreNotHealthyArePaced) {
    Backend backend(loop);
    backend.listen().response = "HTTP/1.1 500 Oops\r\n\r\n";
    std::vector<std::shared_ptr<Server>> servers;
    for (int i = 0; i < 600; ++i) servers.push_back(server_at({backend.address()}));
    const auto monitor = make_monitor();
    config.interval = 1h;
    config.down_interval = 10ms;
    monitor->watch(servers, config);
    run_until([this] { return flips.size() == 600; });
    const TimePoint since = now();
    const std::size_t before = backend.probes;
    run_until([&] { return backend.probes >= before + 200; });
    const double seconds = std::chrono::duration<double>(now() - since).count();
    // 200 in a second, and a margin for chance; unpaced it were 60,000.
    EXPECT_LE(static_cast<double>(backend.probes - before), 300 * (seconds + 1));
}

TEST_F(HealthTest, WithoutChecksOnlyATakeOutIsProbed) {
    Backend backend(loop);
    const auto server = server_at({backend.address()});
    const auto nameless = server_at({});
    const auto monitor = make_monitor();
    config.type = HealthCheckConfig::Type::off;
    monitor->watch({server, nameless}, config);
    EXPECT_EQ(server->health(), Health::healthy);
    ASSERT_EQ(flips.size(), 1u);
    EXPECT_EQ(flips[0].reason, "checks are off");
    EXPECT_FALSE(monitor->settled());
    EXPECT_EQ(nameless->health(), Health::unknown);
    EXPECT_EQ(monitor->reason(*nameless), "its name is being resolved");
    monitor->unresolved(*nameless, "its name does not resolve");
    EXPECT_TRUE(monitor->settled());
    EXPECT_EQ(nameless->health(), Health::unhealthy);
    EXPECT_EQ(monitor->reason(*nameless), "its name does not resolve");

    server->take_out();
    monitor->taken_out(*server, "connection refused");
    backend.listen();
    run_until([this] { return flips.size() == 4; });
    EXPECT_EQ(flips[3].reason, "1 check passed");
    EXPECT_EQ(server->health(), Health::healthy);
    run_until([&backend] { return backend.probes == 1; });
    EXPECT_EQ(backend.request, "");
}

TEST_F(HealthTest, TurningChecksOffProbesTheUnhealthyByConnecting) {
    Backend backend(loop);
    backend.listen().response = "HTTP/1.1 500 Oops\r\n\r\n";
    const auto server = server_at({backend.address()});
    const auto monitor = make_monitor();
    config.interval = 1h;
    monitor->watch({server}, config);
    run_until([this] { return flips.size() == 1; });
    config.type = HealthCheckConfig::Type::off;
    monitor->watch({server}, config);
    run_until([this] { return flips.size() == 2; });
    EXPECT_EQ(server->health(), Health::healthy);

    config.type = HealthCheckConfig::Type::http;
    config.interval = 10ms;
    monitor->watch({server}, config);
    run_until([this] { return flips.size() == 3; });
    EXPECT_EQ(flips[2].reason, "status 500");
}

TEST_F(HealthTest, StartHealthyServesBeforeTheFirstProbe) {
    Backend backend(loop);
    backend.listen().response = "HTTP/1.1 500 Oops\r\n\r\n";
    const auto server = server_at({backend.address()});
    const auto monitor = make_monitor();
    config.start_healthy = true;
    monitor->watch({server}, config);
    EXPECT_TRUE(monitor->settled());
    EXPECT_EQ(server->health(), Health::healthy);
    run_until([this] { return flips.size() == 2; });
    EXPECT_EQ(backend.probes, 3u);
}

TEST_F(HealthTest, ChecksByConnecting) {
    Backend backend(loop);
    backend.listen().response.clear();
    const auto server = server_at({backend.address()});
    const auto monitor = make_monitor();
    config.type = HealthCheckConfig::Type::tcp;
    monitor->watch({server}, config);
    run_until([this] { return flips.size() == 1; });
    EXPECT_EQ(flips[0].to, Health::healthy);
    backend.stop();
    run_until([this] { return flips.size() == 2; });
    EXPECT_EQ(flips[1].reason, "connection refused");
}

TEST_F(HealthTest, BoundsTheProbesInFlight) {
    Backend backend(loop);
    backend.listen().response.clear();
    std::vector<std::shared_ptr<Server>> servers;
    for (int i = 0; i < 600; ++i) servers.push_back(server_at({backend.address()}));
    const auto monitor = make_monitor();
    config.interval = 1h;
    config.timeout = 3s;
    monitor->watch(servers, config);
    run_until([&backend] { return backend.probes >= 256; });
    EXPECT_LE(backend.most_open, 256u);
    backend.response = ok_response;
    run_until([&monitor] { return monitor->settled(); });
    EXPECT_EQ(flips.size(), 600u);
}

TEST_F(HealthTest, DestroyingTheMonitorCancelsItsProbes) {
    Backend backend(loop);
    backend.listen().response.clear();
    auto monitor = make_monitor();
    monitor->watch({server_at({backend.address()}), server_at({backend.address()})}, config);
    run_until([&backend] { return backend.probes == 2; });
    monitor.reset();
    EXPECT_TRUE(flips.empty());
}

TEST_F(HealthTest, WritesDurationsForPeople) {
    EXPECT_EQ(text_of(2s), "2s");
    EXPECT_EQ(text_of(250ms), "250ms");
    EXPECT_EQ(text_of(1500ms), "1500ms");
    EXPECT_EQ(text_of(60s), "60s");
}

}  // namespace
}  // namespace otto
