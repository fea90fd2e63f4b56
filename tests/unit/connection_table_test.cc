// The table of connections: drain, end and eviction at each stage of a connection.

#include "accept/connection_table.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "fakes/arrivals.h"

namespace otto::accept {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using fakes::Arrivals;

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr std::string_view header = "PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n";

class TableTest : public testing::Test {
  protected:
    using Room = ConnectionTable::Room;

    TableTest() {
        EXPECT_TRUE(all_.listening());
        all_.expect_proxy_headers();
    }

    /// A connection in each stage that waits for its client, in the order in which they come.
    UniqueFd unstarted() {
        all_.starts = false;
        UniqueFd client = all_.connect();
        all_.starts = true;
        return client;
    }
    UniqueFd silent() { return all_.connect(); }
    UniqueFd half_header() { return all_.connect(header.substr(0, 20)); }
    UniqueFd named() { return all_.connect(header); }
    UniqueFd half_request() { return all_.connect(std::string(header) + "GET /"); }
    UniqueFd idle() {
        UniqueFd client = all_.connect(std::string(header) + std::string(request));
        EXPECT_TRUE(Arrivals::hear(client).starts_with("HTTP/1.1 204 "));
        return client;
    }
    /// One whose request is being answered.
    UniqueFd busy() {
        all_.holds = true;
        UniqueFd client = all_.connect(std::string(header) + std::string(request));
        all_.holds = false;
        return client;
    }

    void drain() {
        all_.connections.keep_alive = false;
        all_.connections.draining = true;
        all_.table.drain([this] { ++drained_; });
        all_.turn();
    }
    Room make_room() { return all_.table.make_room(ConnectionShare::descriptor); }
    std::uint64_t open() const { return all_.table.open(); }

    Arrivals all_;
    unsigned drained_ = 0;
};

// ---- drain -------------------------------------------------------------------------------------

TEST_F(TableTest, ADrainOfNothing) {
    drain();
    EXPECT_EQ(drained_, 1u);
}

TEST_F(TableTest, ADrainClosesIdleConnections) {
    const UniqueFd client = idle();
    drain();
    EXPECT_TRUE(Arrivals::closed(client));
    EXPECT_EQ(drained_, 1u);
}

TEST_F(TableTest, ADrainLeavesNewConnectionsAMoment) {
    const UniqueFd clients[] = {unstarted(), silent(), named()};
    drain();
    EXPECT_EQ(all_.table.unstarted(), 0u);
    EXPECT_EQ(open(), 3u);
    all_.pass(200ms);
    EXPECT_EQ(open(), 3u);
    all_.pass(100ms);
    for (const UniqueFd& each : clients) EXPECT_TRUE(Arrivals::closed(each));
    EXPECT_EQ(drained_, 1u);
}

TEST_F(TableTest, ADrainAnswersANewConnection) {
    const UniqueFd fresh = silent();
    const UniqueFd known = named();
    drain();
    all_.say(fresh, std::string(header) + std::string(request));
    all_.say(known, request);
    EXPECT_EQ(all_.requests.size(), 2u);
    EXPECT_NE(Arrivals::hear(fresh).find("Connection: close"), std::string::npos);
    EXPECT_NE(Arrivals::hear(known).find("Connection: close"), std::string::npos);
    EXPECT_EQ(drained_, 1u);
}

TEST_F(TableTest, ADrainClosesOldConnectionsThatSaidNothing) {
    const UniqueFd clients[] = {silent(), named()};
    all_.pass(1s);
    drain();
    for (const UniqueFd& each : clients) EXPECT_TRUE(Arrivals::closed(each));
    EXPECT_EQ(drained_, 1u);
}

TEST_F(TableTest, ADrainWaitsForWhatHasBegun) {
    const UniqueFd in_header = half_header();
    const UniqueFd in_request = half_request();
    const UniqueFd held = busy();
    all_.pass(1s);
    drain();
    EXPECT_EQ(open(), 3u);
    all_.answer();
    EXPECT_EQ(open(), 2u);
    all_.say(in_header, std::string(header.substr(20)) + std::string(request));
    all_.say(in_request, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for (const UniqueFd* each : {&in_header, &in_request, &held})
        EXPECT_NE(Arrivals::hear(*each).find("Connection: close"), std::string::npos);
    EXPECT_EQ(drained_, 1u);
}

TEST_F(TableTest, ADrainEndsWhatDoesNotGoOn) {
    const UniqueFd in_header = half_header();
    const UniqueFd in_request = half_request();
    drain();
    all_.pass(11s);
    EXPECT_TRUE(Arrivals::hear(in_header).empty());
    EXPECT_EQ(open(), 1u) << "the other one lingers, so that its client gets the reply";
    all_.pass(3s);
    EXPECT_EQ(all_.refusals, std::vector{408u});
    EXPECT_EQ(drained_, 1u);
}

// ---- the end -----------------------------------------------------------------------------------

TEST_F(TableTest, EndsConnectionsAtEachStage) {
    const UniqueFd clients[] = {silent(), half_header(), named(),    half_request(),
                                idle(),   busy(),        unstarted()};
    EXPECT_EQ(open(), 7u);
    EXPECT_EQ(all_.table.unstarted(), 1u);
    all_.table.end_all();
    EXPECT_EQ(open(), 0u);
    EXPECT_EQ(all_.table.unstarted(), 0u);
    EXPECT_EQ(all_.ended, 7u);
    for (const UniqueFd& each : clients) EXPECT_TRUE(Arrivals::closed(each)) << "evhttp has";
    all_.turn();
    all_.answer();
    EXPECT_EQ(make_room(), Room::none);
}

TEST_F(TableTest, ADrainThatIsCutShort) {
    const UniqueFd held = busy();
    drain();
    EXPECT_EQ(drained_, 0u);
    all_.table.end_all();
    EXPECT_EQ(drained_, 1u);
}

// ---- room --------------------------------------------------------------------------------------

TEST_F(TableTest, RoomIsMadeInTheOrderOfWhatConnectionsWaitFor) {
    const UniqueFd waits_again = idle();
    const UniqueFd held = busy();
    const UniqueFd in_request = half_request();
    const UniqueFd in_header = half_header();
    const UniqueFd fresh = silent();
    for (const UniqueFd* each : {&fresh, &in_request, &in_header, &waits_again}) {
        EXPECT_FALSE(Arrivals::closed(*each));
        EXPECT_EQ(make_room(), Room::made);
        EXPECT_TRUE(Arrivals::closed(*each)) << "at once";
    }
    EXPECT_EQ(make_room(), Room::none);
    EXPECT_EQ(all_.evicted,
              (std::vector{Waiting::first_byte, Waiting::rest, Waiting::rest, Waiting::next}));
    EXPECT_EQ(open(), 1u);
    all_.answer();
    EXPECT_TRUE(Arrivals::hear(held).starts_with("HTTP/1.1 204 "));
    EXPECT_EQ(make_room(), Room::made);
}

TEST_F(TableTest, AConnectionThatWasNotStartedMayGo) {
    const UniqueFd client = unstarted();
    const UniqueFd other = unstarted();
    EXPECT_EQ(make_room(), Room::made);
    EXPECT_TRUE(Arrivals::closed(client));
    EXPECT_EQ(all_.table.unstarted(), 1u);
    all_.turn();
    all_.say(other, std::string(header) + std::string(request));
    EXPECT_EQ(all_.requests.size(), 1u);
}

TEST_F(TableTest, UnreadBytesSaveAConnection) {
    const UniqueFd client = unstarted();
    all_.starts = false;
    all_.say(client, std::string(header) + std::string(request));
    EXPECT_EQ(make_room(), Room::none);
    all_.starts = true;
    all_.turn();
    EXPECT_EQ(all_.requests.size(), 1u);
    EXPECT_EQ(make_room(), Room::made) << "it waits again";
    EXPECT_TRUE(Arrivals::hear(client).starts_with("HTTP/1.1 204 "));
}

/// Bytes that begin no request put the connection back where it was.
TEST_F(TableTest, UnreadBytesMayBeginNothing) {
    all_.context.proxy_protocol = false;
    const UniqueFd client = unstarted();
    all_.starts = false;
    all_.say(client, "\r\n");
    EXPECT_EQ(make_room(), Room::none);
    all_.starts = true;
    all_.turn();
    EXPECT_EQ(make_room(), Room::made);
    EXPECT_EQ(all_.evicted, std::vector{Waiting::first_byte});
}

TEST_F(TableTest, GetsBelowTheLimit) {
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 5; ++i) clients.push_back(silent());
    all_.share.set_limit(3);
    EXPECT_EQ(all_.table.get_below_limit(1), Room::made);
    EXPECT_EQ(open(), 4u);
    EXPECT_EQ(all_.table.get_below_limit(8), Room::made);
    EXPECT_EQ(open(), 3u);
    EXPECT_EQ(all_.share.total(), 3u);
}

TEST_F(TableTest, PublishesWhatMayBeClosed) {
    all_.share.set_limit(2);
    const UniqueFd held = busy();
    EXPECT_FALSE(all_.share.full());
    const UniqueFd fresh = silent();
    EXPECT_FALSE(all_.share.full()) << "it may be closed";
    all_.holds = true;
    all_.say(fresh, std::string(header) + std::string(request));
    EXPECT_TRUE(all_.share.full());
    all_.answer();
    EXPECT_FALSE(all_.share.full());
}

// ---- one client --------------------------------------------------------------------------------

TEST_F(TableTest, ConnectionsOfOneClient) {
    all_.context.proxy_protocol = false;
    all_.context.trusted_proxies.clear();
    const UniqueFd earlier = silent();
    all_.table.set_limit_per_client(2);
    UniqueFd second = silent();
    const UniqueFd third = silent();
    EXPECT_TRUE(Arrivals::closed(third));
    EXPECT_EQ(all_.refused, 1u);
    second.reset();
    all_.turn();
    const UniqueFd fourth = silent();
    EXPECT_FALSE(Arrivals::closed(fourth));
    all_.table.set_limit_per_client(0);
    const UniqueFd fifth = silent();
    EXPECT_FALSE(Arrivals::closed(fifth));
}

}  // namespace
}  // namespace otto::accept
