// What the exchange fuzzer sees with: it must notice a byte that is not where it belongs.

#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "bench/sockets.h"
#include "exchanges/incoming.h"
#include "exchanges/outgoing.h"
#include "exchanges/wire.h"

namespace exchanges {
namespace {

constexpr Seed seed{.number = 7};

ExchangePlan upload(BodyPlan::Framing framing, std::uint64_t size) {
    ExchangePlan plan;
    plan.id = 5;
    plan.method = "POST";
    plan.body = {.framing = framing, .size = size, .chunk = 100};
    return plan;
}

/// The last event of a request whose bytes come in pieces.
Incoming::Event read_request(const std::string& bytes, std::size_t piece) {
    Incoming in;
    in.begin();
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        std::string_view rest = std::string_view(bytes).substr(at, piece);
        auto event = in.next(rest);
        if (event == Incoming::Event::head) {
            in.expect(request_marker(seed, 5));
            event = in.next(rest);
        }
        if (event != Incoming::Event::more) return event;
    }
    return Incoming::Event::more;
}

TEST(ExchangesTest, WholeRequestsAreRecognised) {
    for (const auto framing : {BodyPlan::Framing::length, BodyPlan::Framing::chunked}) {
        for (const std::uint64_t size : {0, 1, 7, 8, 9, 1000}) {
            const Wire wire = write_request(seed, upload(framing, size), "");
            for (const std::size_t piece : {1, 3, 64, 100'000})
                EXPECT_EQ(read_request(wire.bytes, piece), Incoming::Event::done) << size;
        }
    }
}

TEST(ExchangesTest, AnyChangedByteIsNoticed) {
    const Wire wire = write_request(seed, upload(BodyPlan::Framing::length, 300), "");
    for (std::size_t at = wire.head; at < wire.bytes.size(); ++at) {
        std::string changed = wire.bytes;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        EXPECT_EQ(read_request(changed, 50), Incoming::Event::foreign) << at;
    }
}

TEST(ExchangesTest, LostBytesAreNoticed) {
    const Wire wire = write_request(seed, upload(BodyPlan::Framing::length, 300), "");
    std::string lost = wire.bytes;
    lost.erase(wire.head + 40, 8);
    EXPECT_EQ(read_request(lost, 50), Incoming::Event::foreign);
}

TEST(ExchangesTest, BodiesOfOtherExchangesAreForeign) {
    std::string other;
    reply_marker(seed, 5, 0).append(other, 0, 64);
    EXPECT_EQ(reply_marker(seed, 5, 0).matching(0, other), 64U);
    EXPECT_LT(reply_marker(seed, 5, 1).matching(0, other), 8U);
    EXPECT_LT(reply_marker(seed, 6, 0).matching(0, other), 8U);
    EXPECT_LT(request_marker(seed, 5).matching(0, other), 8U);
    EXPECT_EQ(reply_marker(seed, 5, 0).matching(3, other.substr(3)), 61U);
}

TEST(ExchangesTest, PlansFollowFromTheSeed) {
    for (std::uint64_t id = 0; id < 100; ++id) {
        const ExchangePlan plan = plan_exchange(seed, id);
        EXPECT_EQ(write_request(seed, plan, "").bytes,
                  write_request(seed, plan_exchange(seed, id), "").bytes);
        EXPECT_EQ(write_reply(seed, plan, 0, plan_attempt(seed, plan, 0)).bytes,
                  write_reply(seed, plan, 0, plan_attempt(seed, plan, 0)).bytes);
    }
}

TEST(ExchangesTest, SendingStopsWhereItIsTold) {
    int sockets[2] = {};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    const bench::Fd writer(sockets[0]), reader(sockets[1]);
    Outgoing out;
    out.add("abcdef");
    out.add_stop({.at = 4, .what = Outgoing::Stop::What::end, .ending = Ending::reset});
    out.add_stop({.at = 2, .what = Outgoing::Stop::What::hold});
    char got[8] = {};
    EXPECT_EQ(out.flush(writer.get()), Outgoing::State::stopped);
    EXPECT_EQ(recv(reader.get(), got, sizeof got, 0), 2);
    EXPECT_EQ(out.take_stop().what, Outgoing::Stop::What::hold);
    EXPECT_EQ(out.flush(writer.get()), Outgoing::State::stopped);
    EXPECT_EQ(recv(reader.get(), got, sizeof got, 0), 2);
    EXPECT_EQ(out.take_stop().ending, Ending::reset);
    EXPECT_EQ(out.flush(writer.get()), Outgoing::State::idle);
    EXPECT_EQ(out.sent(), 6U);
}

}  // namespace
}  // namespace exchanges
