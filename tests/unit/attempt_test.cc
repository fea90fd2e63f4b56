// Attempts by themselves: what they notify their exchange of, and that nothing follows their end.

#include "proxy/attempt.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fakes/proxy.h"

namespace otto {
namespace {

using namespace std::chrono_literals;
using fakes::Proxy;
using fakes::Request;

constexpr const char* get = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr const char* put =
    "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\nno size\r\n";
constexpr const char* upgrade =
    "GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
constexpr const char* hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// One attempt in front of one server, and what it notifies.
class AttemptTest : public testing::Test, public AttemptObserver {
  protected:
    void begin(const char* text) {
        proxy.publish();
        request.emplace(text);
        body.begin(*request->client, proxy.config.limits);
        attempt.emplace(static_cast<AttemptObserver&>(*this), *proxy.context,
                        *proxy.upstreams->snapshot(), *proxy.members[0].server, *request->client,
                        body);
        attempt->start(sent_as, false, true, nullptr);
        proxy.turn();
    }
    fakes::Server& server() { return *proxy.servers[0]; }
    void say(const char* text) {
        server().hear();
        server().say(text);
        proxy.turn();
    }
    bool heard(const char* what) const { return std::ranges::find(calls, what) != calls.end(); }

    /// The last call: what may still be called on the attempt does nothing.
    void last(const char* what) {
        calls.emplace_back(what);
        ended = true;
        provoke();
    }
    void provoke() {
        attempt->end();
        attempt->on_client_body();
        attempt->on_client_drained();
        EXPECT_FALSE(attempt->connecting());
    }
    void note(const char* what) {
        EXPECT_FALSE(ended) << what;
        calls.emplace_back(what);
    }

    void on_connected(bool) override { note("connected"); }
    void on_request_sent() override { note("sent"); }
    std::string_view on_response(unsigned, bool) override {
        note("response");
        return {};
    }
    void on_bound(std::unique_ptr<UpstreamConnection>) override { note("bound"); }
    void on_progress(Duration) override { EXPECT_FALSE(ended); }
    void on_attempt_failed(Failure, std::string_view) override { last("failed"); }
    void on_request_refused(unsigned, const char*) override { last("refused"); }
    void on_reply_complete() override { last("complete"); }
    void on_reply_cut(std::string_view, http::Abort) override { last("cut"); }
    void on_client_broken() override { last("broken"); }
    void on_upgraded(std::unique_ptr<UpstreamConnection> connection, std::span<char>) override {
        EXPECT_TRUE(connection);
        last("upgraded");
    }

    /// Nothing follows, whatever happens.
    void expect_ended(const std::string& by) {
        EXPECT_TRUE(ended);
        ASSERT_FALSE(calls.empty());
        EXPECT_EQ(calls.back(), by);
        const std::size_t before = calls.size();
        provoke();
        if (server().accept() > 0) {
            server().say(hello);
            server().end();
        }
        proxy.pass(1h);
        EXPECT_EQ(calls.size(), before);
    }

    Proxy proxy{1};
    http::ForwardingContext sent_as{};
    std::optional<Request> request;
    RequestBody body;
    std::optional<Attempt> attempt;
    std::vector<std::string> calls;
    bool ended = false;
};

TEST_F(AttemptTest, EndsWithTheReply) {
    begin(get);
    EXPECT_EQ(calls, (std::vector<std::string>{"connected", "sent"}));
    say(hello);
    EXPECT_EQ(attempt->relayed(), 5u);
    expect_ended("complete");
}

TEST_F(AttemptTest, EndsWhenItFails) {
    begin(get);
    say("garbage\r\n\r\n");
    EXPECT_TRUE(attempt->request_sent());
    expect_ended("failed");
}

TEST_F(AttemptTest, EndsWhenNoConnectionComesUp) {
    server().stop();
    begin(get);
    EXPECT_FALSE(attempt->request_sent());
    expect_ended("failed");
}

TEST_F(AttemptTest, EndsWithABadBody) {
    begin(put);
    request->client->arrive(100);
    attempt->on_client_body();
    expect_ended("refused");
}

TEST_F(AttemptTest, EndsWithABadBodyDuringTheReply) {
    begin(put);
    say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    request->client->arrive(100);
    attempt->on_client_body();
    expect_ended("cut");
}

TEST_F(AttemptTest, EndsWhenTheReplyBreaksOff) {
    begin(get);
    say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n");
    EXPECT_EQ(calls.back(), "response");
    say("no size\r\n");
    expect_ended("cut");
}

TEST_F(AttemptTest, EndsWithTheClient) {
    for (const char* reply : {hello, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
                              "HTTP/1.1 102 Processing\r\n\r\n"}) {
        begin(get);
        request->client->broken = true;
        const std::size_t connection = server().accept() - 1;
        server().say(reply, connection);
        proxy.turn();
        expect_ended("broken");
        ended = false;
    }
}

TEST_F(AttemptTest, EndsWithASwitchOfProtocols) {
    begin(upgrade);
    say("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    EXPECT_TRUE(request->client->tunnel);
    expect_ended("upgraded");
}

TEST_F(AttemptTest, AClientThatDoesNotTakeThe101EndsIt) {
    begin(upgrade);
    request->client->broken = true;
    say("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    expect_ended("broken");
}

TEST_F(AttemptTest, ItsExchangeEndsItAtAnyTime) {
    for (const char* reply :
         {"", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"}) {
        begin(get);
        const std::size_t connection = server().accept() - 1;
        server().hear(connection);
        server().say(reply, connection);
        proxy.turn();
        attempt->end();
        ended = true;
        calls.emplace_back("ended");
        proxy.turn();
        EXPECT_TRUE(server().closed(connection));
        expect_ended("ended");
        ended = false;
    }
}

TEST_F(AttemptTest, IsEndedWhileItConnects) {
    proxy.servers[0] = std::make_unique<fakes::Server>(0);
    proxy.members[0].server =
        std::make_shared<Server>("http://a", "a", "", std::vector<Address>{server().address()});
    proxy.publish();
    server().fill_backlog();
    request.emplace(get);
    body.begin(*request->client, proxy.config.limits);
    attempt.emplace(static_cast<AttemptObserver&>(*this), *proxy.context,
                    *proxy.upstreams->snapshot(), *proxy.members[0].server, *request->client, body);
    attempt->start(sent_as, false, true, nullptr);
    EXPECT_TRUE(attempt->connecting());
    attempt->end();
    ended = true;
    calls.emplace_back("ended");
    expect_ended("ended");
    EXPECT_EQ(proxy.members[0].server->connections->count(), 0u);
}

TEST_F(AttemptTest, IsEndedWhileItWaitsForAPlace) {
    proxy.members[0].server->connections->set_most(1);
    auto taken = ServerConnections::open(proxy.members[0].server->connections);
    begin(get);
    EXPECT_TRUE(attempt->connecting());
    attempt->end();
    ended = true;
    calls.emplace_back("ended");
    taken.reset();
    proxy.upstreams->pool().place_freed();
    expect_ended("ended");
    EXPECT_EQ(server().accept(), 0u);
}

}  // namespace
}  // namespace otto
