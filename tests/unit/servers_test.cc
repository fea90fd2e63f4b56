#include "control/servers.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "config/load.h"

namespace otto::control {

namespace {

/// The servers of an Otto without workers, on a loop of their own.
class ServersTest : public testing::Test {
  protected:
    /// `checks`: a value of healthCheck.type. The servers' ports are closed.
    void use(const std::string& list, const std::string& checks = "off") {
        const std::string text = R"({"servers": [)" + list + R"(], "healthCheck": {"type": ")" +
                                 checks + R"("}, "ejection": {"consecutiveErrors": 3}})";
        LoadedConfig loaded = parse_config(text, "config.json");
        ASSERT_TRUE(loaded.ok()) << loaded.problems[0].text();
        servers_.use(std::move(loaded.config));
    }
    void turn() { event_base_loop(loop_.base(), EVLOOP_NONBLOCK); }
    const Snapshot& snapshot() const { return *servers_.snapshot(); }
    std::size_t receiving() const { return snapshot().candidates().size(); }
    Server& server(std::size_t which) const { return *snapshot().members()[which].server; }

    const std::string one = R"("http://127.0.0.1:1")";
    const std::string two = R"("http://127.0.0.1:1", "http://127.0.0.1:2")";
    Loop loop_ = *Loop::open();
    std::unique_ptr<Mailbox> mailbox_ = *Mailbox::open(loop_);
    Crew crew_;
    Servers servers_{loop_, *mailbox_, crew_, [] {}};
};

TEST_F(ServersTest, WithoutChecksAllReceiveRequestsAtOnce) {
    use(two);
    EXPECT_EQ(servers_.publisher().state(), Publisher::State::current);
    EXPECT_EQ(receiving(), 2u);
    EXPECT_TRUE(servers_.ready());
    EXPECT_EQ(servers_.condition(snapshot().members()[0], now()).share, 0.5);
}

TEST_F(ServersTest, WithChecksRequestsWaitForTheVerdicts) {
    use(two, "tcp");
    EXPECT_EQ(servers_.publisher().state(), Publisher::State::settling);
    EXPECT_EQ(receiving(), 0u);
    EXPECT_FALSE(servers_.ready());
    while (servers_.publisher().state() == Publisher::State::settling)
        event_base_loop(loop_.base(), EVLOOP_ONCE);
    EXPECT_EQ(server(0).health(), Health::unhealthy);
    EXPECT_EQ(receiving(), 2u) << "Otto fails open";
    EXPECT_EQ(servers_.rotation().service(), Rotation::Service::failing_open);
    EXPECT_FALSE(servers_.ready());
}

TEST_F(ServersTest, AServerThatGoesOutAndAnswersReturns) {
    use(two);
    ASSERT_TRUE(server(0).take_out());
    servers_.taken_out(server(0).id, "connection refused");
    EXPECT_EQ(servers_.publisher().state(), Publisher::State::due);
    EXPECT_EQ(receiving(), 2u) << "until the end of the turn";
    turn();
    EXPECT_EQ(receiving(), 1u);
    EXPECT_TRUE(snapshot().candidates().has(server(1)));
    EXPECT_EQ(servers_.condition(snapshot().members()[0], now()).reason, "connection refused");

    servers_.answered(server(0).id);
    turn();
    EXPECT_EQ(receiving(), 2u);
    EXPECT_EQ(server(0).health(), Health::healthy);
}

TEST_F(ServersTest, ErrorsEjectAServerUntilItIsDisabled) {
    use(two);
    servers_.errors_in_a_row(server(1).id, 3);
    turn();
    EXPECT_EQ(receiving(), 1u);
    const admin::Condition condition = servers_.condition(snapshot().members()[1], now());
    EXPECT_TRUE(condition.ejected);
    EXPECT_EQ(condition.ejection, "3 errors in a row");
    EXPECT_GT(condition.ejected_for, Duration::zero());
    EXPECT_EQ(server(1).metrics->ejections.value(), 1u);

    use(R"("http://127.0.0.1:1", {"url": "http://127.0.0.1:2", "state": "disabled"})");
    EXPECT_EQ(server(1).health(), Health::unknown);
    EXPECT_EQ(servers_.condition(snapshot().members()[1], now()).reason, "disabled");
    EXPECT_EQ(receiving(), 1u);
}

TEST_F(ServersTest, AReloadKeepsServersAndDrainsThem) {
    use(two);
    const auto before = servers_.snapshot();
    use(R"("http://127.0.0.1:1", {"url": "http://127.0.0.1:2", "state": "drain"})");
    EXPECT_EQ(snapshot().members()[1].server, before->members()[1].server);
    EXPECT_EQ(snapshot().generation, 2u);
    EXPECT_EQ(receiving(), 1u);
    EXPECT_EQ(before->candidates().size(), 2u) << "requests in flight keep theirs";

    use(one);
    EXPECT_EQ(snapshot().members().size(), 1u);
    EXPECT_EQ(receiving(), 1u);
    servers_.taken_out(before->members()[1].server->id, "late");
    servers_.answered(before->members()[1].server->id);
    servers_.probe_request_ended(before->members()[1].server->id, true);
    turn();
    EXPECT_EQ(receiving(), 1u) << "a server that is gone";
}

TEST_F(ServersTest, WithoutAServerThatMayServeOttoIsNotReady) {
    use(R"({"url": "http://127.0.0.1:1", "state": "drain"})");
    EXPECT_EQ(servers_.rotation().service(), Rotation::Service::none);
    EXPECT_FALSE(servers_.ready());
    servers_.use({});
    EXPECT_EQ(servers_.rotation().service(), Rotation::Service::normal);
    EXPECT_FALSE(servers_.ready());
    use(one);
    EXPECT_TRUE(servers_.ready());
}

}  // namespace

}  // namespace otto::control
