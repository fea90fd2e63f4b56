// The stages of a client's connection, until its protocol takes over.

#include "accept/arrival.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "fakes/arrivals.h"

namespace otto::accept {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using fakes::Arrivals;

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr std::string_view header = "PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n";
/// Version 2, for 192.0.2.8.
constexpr std::string_view binary_header =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x08\xc0\0\x02\x01\x12\x34\0\x50"sv;

using Texts = std::vector<std::string>;

class ArrivalTest : public testing::Test {
  protected:
    ArrivalTest() { EXPECT_TRUE(all_.listening()); }

    /// Bytes, each in a segment of its own.
    void dribble(const UniqueFd& client, std::string_view bytes) {
        for (const char& byte : bytes) all_.say(client, {&byte, 1});
    }
    bool answered(const UniqueFd& client) {
        return Arrivals::hear(client).starts_with("HTTP/1.1 204 ");
    }
    /// An orderly end, without a reply.
    static bool closed(const UniqueFd& client) {
        return Arrivals::hear(client).empty() && Arrivals::closed(client);
    }
    std::uint64_t open() const { return all_.table.open(); }

    Arrivals all_;
};

/// A connection whose first bytes choose its stage: with PROXY headers, or without.
class Proxied : public ArrivalTest {
  protected:
    Proxied() { all_.expect_proxy_headers(); }
};

// ---- first bytes -------------------------------------------------------------------------------

TEST_F(ArrivalTest, ARequestThatComesWithItsConnectionIsReadAtTheStart) {
    all_.starts = false;
    const UniqueFd client = all_.connect();
    all_.say(client, request);
    EXPECT_TRUE(all_.requests.empty());
    EXPECT_EQ(all_.table.unstarted(), 1u);
    all_.table.start_next();  // in this very call
    EXPECT_EQ(all_.requests, Texts{"127.0.0.1"});
    EXPECT_TRUE(answered(client));
}

TEST_F(ArrivalTest, ARequestMayComeLaterAndInPieces) {
    const UniqueFd client = all_.connect();
    dribble(client, request);
    EXPECT_TRUE(answered(client));
    all_.say(client, request);
    EXPECT_TRUE(answered(client)) << "the connection stays";
    EXPECT_EQ(open(), 1u);
}

TEST_F(ArrivalTest, EmptyLinesBeginNoRequest) {
    const UniqueFd client = all_.connect("\r\n");
    all_.pass(70s);
    EXPECT_TRUE(closed(client)) << "idle";
    EXPECT_TRUE(all_.requests.empty());
}

TEST_F(ArrivalTest, ASilentClientIsClosedInTime) {
    const UniqueFd client = all_.connect();
    all_.pass(59s);
    EXPECT_EQ(open(), 1u);
    all_.pass(2s);
    EXPECT_TRUE(closed(client));
    EXPECT_EQ(open(), 0u);
}

TEST_F(ArrivalTest, AnUntrustedPeerSendsNoHeader) {
    all_.context.proxy_protocol = true;
    const UniqueFd client = all_.connect(header);
    EXPECT_EQ(all_.refusals, std::vector{400u});
    EXPECT_TRUE(all_.bad_headers.empty());
}

TEST_F(ArrivalTest, TheConfigurationOfTheFirstByteCounts) {
    const UniqueFd later = all_.connect();
    all_.expect_proxy_headers();
    all_.say(later, header);
    all_.say(later, request);
    EXPECT_EQ(all_.requests, Texts{"192.0.2.7"});
}

TEST_F(ArrivalTest, AVanishedClient) {
    UniqueFd client = all_.connect();
    client.reset();
    all_.turn();
    EXPECT_EQ(open(), 0u);
    all_.starts = false;
    client = all_.connect();
    client.reset();
    all_.starts = true;
    all_.turn();
    EXPECT_EQ(open(), 0u) << "before it was started";
    EXPECT_EQ(all_.ended, 2u);
}

TEST_F(ArrivalTest, UrgentBytesHideNoRequest) {
    const UniqueFd client = all_.connect();
    ASSERT_EQ(::send(client.get(), "!", 1, MSG_OOB), 1);
    all_.turn();
    all_.say(client, request);
    for (int i = 0; i < 3 && all_.requests.empty(); ++i) all_.pass(61s);
    EXPECT_EQ(all_.requests.size(), 1u);
}

// ---- the PROXY header --------------------------------------------------------------------------

TEST_F(Proxied, TheHeaderNamesTheClient) {
    const UniqueFd text = all_.connect(std::string(header) + std::string(request));
    EXPECT_TRUE(answered(text));
    const UniqueFd binary = all_.connect(std::string(binary_header) + std::string(request));
    EXPECT_TRUE(answered(binary));
    EXPECT_EQ(all_.requests, (Texts{"192.0.2.7", "192.0.2.8"}));
    all_.say(text, request);
    EXPECT_TRUE(answered(text)) << "only the first request has a header";
    EXPECT_EQ(all_.requests.back(), "192.0.2.7");
}

TEST_F(Proxied, TheHeaderMayComeInPieces) {
    for (const std::string_view each : {header, binary_header}) {
        const UniqueFd client = all_.connect();
        dribble(client, each);
        EXPECT_TRUE(all_.bad_headers.empty());
        EXPECT_EQ(open(), 1u);
        dribble(client, request);
        EXPECT_TRUE(answered(client));
    }
    EXPECT_EQ(all_.requests, (Texts{"192.0.2.7", "192.0.2.8"}));
}

/// The client that the header names has sent nothing, however the header came.
TEST_F(Proxied, BehindTheHeaderTheFirstByteIsAwaited) {
    const UniqueFd whole = all_.connect(header);
    const UniqueFd pieces = all_.connect();
    dribble(pieces, header);
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(all_.table.make_room(ConnectionShare::descriptor), ConnectionTable::Room::made);
    EXPECT_EQ(all_.evicted, (std::vector(2, Waiting::first_byte)));
}

/// Cut at each byte, so that the request begins in the segment that ends the header.
TEST_F(Proxied, TheRequestMayBeginInTheLastPiece) {
    const std::string bytes = std::string(header) + std::string(request);
    for (std::size_t at = 1; at < bytes.size(); ++at) {
        const UniqueFd client = all_.connect(std::string_view(bytes).substr(0, at));
        all_.say(client, std::string_view(bytes).substr(at));
        ASSERT_TRUE(answered(client)) << at;
        ASSERT_EQ(all_.requests.back(), "192.0.2.7") << at;
    }
}

TEST_F(Proxied, TwoRequestsBehindTheHeader) {
    std::string bytes(header);
    bytes.append(request).append(request);
    const UniqueFd client = all_.connect(bytes);
    EXPECT_EQ(all_.requests, (Texts{"192.0.2.7", "192.0.2.7"}));
}

TEST_F(Proxied, AConnectionOfTheProxyItself) {
    const UniqueFd client = all_.connect("PROXY UNKNOWN\r\n" + std::string(request));
    EXPECT_TRUE(answered(client));
    EXPECT_EQ(all_.requests, Texts{"127.0.0.1"});
}

TEST_F(Proxied, ABadHeaderEndsTheConnection) {
    const UniqueFd none = all_.connect(request);
    EXPECT_TRUE(closed(none));
    const UniqueFd later = all_.connect("PROXY TCP4 ");
    EXPECT_EQ(open(), 1u);
    all_.say(later, "nowhere\r\n");
    EXPECT_TRUE(closed(later));
    EXPECT_EQ(all_.bad_headers.size(), 2u);
    EXPECT_EQ(open(), 0u);
    EXPECT_TRUE(all_.requests.empty());
}

TEST_F(Proxied, AHeaderThatDoesNotEndIsClosedInTime) {
    const UniqueFd client = all_.connect("PROXY ");
    all_.pass(9s);
    EXPECT_EQ(open(), 1u);
    all_.say(client, "TCP4");  // gains no time
    all_.pass(2s);
    EXPECT_TRUE(closed(client)) << "without a reply";
    EXPECT_TRUE(all_.bad_headers.empty());
}

TEST_F(Proxied, ARequestHasTimeOfItsOwn) {
    const UniqueFd client = all_.connect("PROXY ");
    all_.pass(9s);
    all_.say(client, std::string(header.substr(6)) + "GET /");
    all_.pass(9s);
    EXPECT_EQ(open(), 1u);
    all_.pass(2s);
    EXPECT_EQ(all_.refusals, std::vector{408u});
    EXPECT_EQ(all_.requests, Texts{"192.0.2.7"});
}

TEST_F(Proxied, SilenceAfterTheHeader) {
    const UniqueFd client = all_.connect(header);
    all_.pass(59s);
    EXPECT_EQ(open(), 1u);
    all_.pass(2s);
    EXPECT_TRUE(closed(client));
    EXPECT_TRUE(all_.requests.empty());
}

TEST_F(Proxied, AClientThatVanishes) {
    for (const std::string_view bytes : {""sv, header.substr(0, 9), header}) {
        UniqueFd client = all_.connect(bytes);
        EXPECT_EQ(open(), 1u);
        client.reset();
        all_.turn();
        EXPECT_EQ(open(), 0u) << "after " << bytes.size() << " bytes";
    }
    EXPECT_TRUE(all_.bad_headers.empty());
}

TEST_F(Proxied, AReloadMayTakeTheHeaderAway) {
    const UniqueFd client = all_.connect("GET / HTT");
    EXPECT_TRUE(closed(client));
    const UniqueFd half = all_.connect("PRO");
    all_.context.proxy_protocol = false;
    all_.say(half, "XY / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(all_.requests, Texts{"127.0.0.1"}) << "a method like any other";
}

TEST_F(Proxied, TheClientThatIsNamedCounts) {
    all_.table.set_limit_per_client(1);
    const UniqueFd first = all_.connect(header);
    const UniqueFd other = all_.connect(binary_header);
    EXPECT_EQ(open(), 2u);
    const UniqueFd second = all_.connect(header);
    EXPECT_TRUE(closed(second));
    EXPECT_EQ(all_.refused, 1u);
    EXPECT_EQ(all_.share.clients.last_refused(), "192.0.2.7");
    const UniqueFd unnamed = all_.connect();
    const UniqueFd unnamed_too = all_.connect();
    EXPECT_EQ(open(), 4u) << "the proxy has no limit";
}

}  // namespace
}  // namespace otto::accept
