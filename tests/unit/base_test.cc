#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/handle.h"
#include "base/names.h"
#include "base/phrases.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "base/users.h"

namespace otto {
namespace {

using namespace std::chrono_literals;

Address ip(const std::string& text, std::uint16_t port = 0) {
    const auto address = Address::from_ip(text, port);
    EXPECT_TRUE(address) << text;
    return *address;
}

Cidr cidr(const std::string& text) {
    const auto range = Cidr::parse(text);
    EXPECT_TRUE(range) << text;
    return range ? *range : Cidr();
}

TEST(Result, HoldsAValueOrAnError) {
    Result<std::string> value(std::string("yes"));
    ASSERT_TRUE(value);
    EXPECT_EQ(*value, "yes");
    EXPECT_EQ(value->size(), 3u);
    const Result<std::string> error(Error{"no", ENOENT});
    ASSERT_FALSE(error);
    EXPECT_EQ(error.error().message, "no");
    EXPECT_EQ(error.error().number, ENOENT);
    EXPECT_TRUE(Status());
    EXPECT_EQ(Status(Error{"no"}).error().message, "no");
}

TEST(Error, SaysWhatErrnoMeans) {
    const Error error = Error::from_errno("cannot read", ENOENT);
    EXPECT_EQ(error.message, "cannot read: No such file or directory");
    EXPECT_EQ(error.number, ENOENT);
}

TEST(UniqueFd, ClosesWhatItOwns) {
    int number = -1;
    {
        UniqueFd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        ASSERT_TRUE(first);
        number = first.get();
        UniqueFd second(std::move(first));
        EXPECT_FALSE(first);
        UniqueFd third;
        third = std::move(second);
        EXPECT_EQ(third.get(), number);
        EXPECT_EQ(::fcntl(number, F_GETFD), FD_CLOEXEC);
    }
    EXPECT_EQ(::fcntl(number, F_GETFD), -1);
    UniqueFd kept(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    UniqueFd released(kept.release());
    EXPECT_FALSE(kept);
    EXPECT_NE(::fcntl(released.get(), F_GETFD), -1);
}

TEST(Address, ReadsAndWritesLiterals) {
    EXPECT_EQ(ip("192.0.2.1", 80).text(), "192.0.2.1:80");
    EXPECT_EQ(ip("2001:DB8:0::1", 80).text(), "[2001:db8::1]:80");
    EXPECT_EQ(ip("2001:db8::1", 80).ip(), "2001:db8::1");
    EXPECT_EQ(ip("::1", 65'535).port(), 65'535);
    for (const char* bad : {"", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "[::1]", "::g",
                            "1.2.3.4 ", "01.2.3.4:80"})
        EXPECT_FALSE(Address::from_ip(bad, 80)) << bad;
}

TEST(Address, TreatsMappedAddressesAsIPv4) {
    const Address mapped = ip("::ffff:192.0.2.1", 80);
    EXPECT_EQ(mapped.ip_bytes(), ip("192.0.2.1").ip_bytes());
    // The kernel reports IPv4 clients of an IPv6 socket that way.
    const Address from_kernel(mapped.get(), mapped.length());
    EXPECT_EQ(from_kernel.family(), AF_INET);
    EXPECT_EQ(from_kernel.text(), "192.0.2.1:80");
    EXPECT_EQ(from_kernel, ip("192.0.2.1", 80));
}

TEST(Address, ReadsAndWritesPaths) {
    const auto path = Address::from_path("/run/app.sock");
    ASSERT_TRUE(path);
    EXPECT_EQ(path->text(), "unix:/run/app.sock");
    EXPECT_EQ(path->ip(), "unix");
    EXPECT_EQ(path->port(), 0);
    EXPECT_FALSE(path->is_ip());
    EXPECT_EQ(Address::from_path("@name")->text(), "unix:@name");
    EXPECT_TRUE(Address::from_path(std::string(107, 'a')));
    EXPECT_FALSE(Address::from_path(std::string(108, 'a')));
    EXPECT_FALSE(Address::from_path(""));
}

TEST(Address, OfAnUnnamedSocketHasAText) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    const Address unnamed(reinterpret_cast<const sockaddr*>(&un), offsetof(sockaddr_un, sun_path));
    EXPECT_EQ(unnamed.text(), "unix:");
}

TEST(Address, ComparesByWhatItMeans) {
    EXPECT_EQ(ip("::1", 80), ip("0:0::1", 80));
    EXPECT_FALSE(ip("::1", 80) == ip("::1", 81));
    EXPECT_FALSE(ip("127.0.0.1", 80) == ip("::1", 80));
    EXPECT_EQ(*Address::from_path("/a"), *Address::from_path("/a"));
    EXPECT_FALSE(*Address::from_path("/a") == *Address::from_path("/b"));
}

TEST(Cidr, ContainsItsRangeOnly) {
    EXPECT_TRUE(cidr("10.0.0.0/8").contains(ip("10.255.0.1")));
    EXPECT_FALSE(cidr("10.0.0.0/8").contains(ip("11.0.0.0")));
    EXPECT_TRUE(cidr("192.0.2.128/25").contains(ip("192.0.2.200")));
    EXPECT_FALSE(cidr("192.0.2.128/25").contains(ip("192.0.2.127")));
    EXPECT_TRUE(cidr("192.0.2.1").contains(ip("192.0.2.1")));
    EXPECT_FALSE(cidr("192.0.2.1").contains(ip("192.0.2.2")));
    EXPECT_TRUE(cidr("0.0.0.0/0").contains(ip("203.0.113.9")));
    EXPECT_FALSE(cidr("0.0.0.0/0").contains(ip("2001:db8::1")));
    EXPECT_TRUE(cidr("2001:db8::/33").contains(ip("2001:db8:7fff::1")));
    EXPECT_FALSE(cidr("2001:db8::/33").contains(ip("2001:db8:8000::1")));
    EXPECT_FALSE(cidr("::/0").contains(*Address::from_path("/a")));
}

TEST(Cidr, IgnoresBitsBeyondItsPrefix) {
    EXPECT_EQ(cidr("10.1.2.3/8"), cidr("10.0.0.0/8"));
}

TEST(Cidr, RefusesWhatIsNone) {
    for (const char* bad : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/8x", "10.0.0.0/-1",
                            "::/129", "10.0.0/8", "example.org/8"})
        EXPECT_FALSE(Cidr::parse(bad)) << bad;
}

TEST(Resolve, KnowsLiteralsAndLocalhost) {
    const auto literal = resolve("127.0.0.1", 81);
    ASSERT_TRUE(literal);
    ASSERT_EQ(literal->size(), 1u);
    EXPECT_EQ(literal->front().text(), "127.0.0.1:81");
    const auto local = resolve("localhost", 81);
    ASSERT_TRUE(local);
    for (std::size_t i = 0; i < local->size(); ++i)
        for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE((*local)[i] == (*local)[j]);
}

TEST(Resolve, TellsWhyItFailed) {
    const auto nobody = resolve("no such host", 80);
    ASSERT_FALSE(nobody);
    EXPECT_FALSE(nobody.error().message.empty());
}

TEST(Address, TakesAnotherPort) {
    EXPECT_EQ(Address::from_ip("192.0.2.1", 0)->with_port(80).text(), "192.0.2.1:80");
    EXPECT_EQ(Address::from_ip("2001:db8::1", 1)->with_port(8080).text(), "[2001:db8::1]:8080");
    EXPECT_EQ(Address::from_path("/run/app")->with_port(80).text(), "unix:/run/app");
}

TEST(Names, CompareAddressesInAnyOrder) {
    const Address one = *Address::from_ip("192.0.2.1", 0);
    const Address two = *Address::from_ip("192.0.2.2", 0);
    EXPECT_TRUE(same_addresses({}, {}));
    EXPECT_TRUE(same_addresses({one, two}, {two, one}));
    EXPECT_FALSE(same_addresses({one}, {two}));
    EXPECT_FALSE(same_addresses({one}, {one, two}));
}

TEST(Time, BecomesATimevalRoundedUp) {
    EXPECT_EQ(to_timeval(1500ms).tv_sec, 1);
    EXPECT_EQ(to_timeval(1500ms).tv_usec, 500'000);
    EXPECT_EQ(to_timeval(1ns).tv_usec, 1);
    EXPECT_EQ(to_timeval(999'999'999ns).tv_sec, 1);
    EXPECT_EQ(to_timeval(999'999'999ns).tv_usec, 0);
    EXPECT_EQ(to_timeval(-1s).tv_sec, 0);
    EXPECT_EQ(to_timeval(-1s).tv_usec, 0);
}

TEST(Time, CoarseClockIsTheSameClock) {
    const TimePoint before = coarse_now();
    const TimePoint exact = now();
    EXPECT_LE(before, exact);
    EXPECT_LT(exact - before, 10s);
}

TEST(Random, RepeatsFromItsSeedAndFillsTheUnitInterval) {
    Random one(7);
    Random same(7);
    Random other(8);
    EXPECT_EQ(one.next(), same.next());
    EXPECT_NE(one.next(), other.next());
    unsigned low = 0;
    for (int i = 0; i < 10'000; ++i) {
        const double fraction = one.fraction();
        ASSERT_GE(fraction, 0.0);
        ASSERT_LT(fraction, 1.0);
        low += fraction < 0.25 ? 1 : 0;
    }
    EXPECT_NEAR(low, 2'500, 250);
}

TEST(Phrases, CountsHaveTheirPlural) {
    EXPECT_EQ(counted(0, "server"), "0 servers");
    EXPECT_EQ(counted(1, "server"), "1 server");
    EXPECT_EQ(counted(2, "more record"), "2 more records");
}

TEST(Phrases, ErrorsFitIntoASentence) {
    EXPECT_EQ(error_text(ECONNREFUSED), "connection refused");
    EXPECT_EQ(error_text(ECONNRESET), "connection reset by peer");
    EXPECT_EQ(error_text(EIO), "input/output error");
    EXPECT_EQ(error_text(E2BIG).substr(0, 8), "argument");
}

TEST(Users, NamesAreThoseOfPasswd) {
    const std::string passwd =
        "root:x:0:0:root:/root:/bin/bash\n"
        "# 12:x\n"
        "::7:7:no name::\n"
        "deploy:x:1000:1000::/home/deploy:/bin/sh\n"
        "last:x:1001";
    EXPECT_EQ(user_name_in(passwd, 0), "root");
    EXPECT_EQ(user_name_in(passwd, 1000), "deploy");
    EXPECT_EQ(user_name_in(passwd, 1001), "last");
    EXPECT_EQ(user_name_in(passwd, 7), "user 7");
    EXPECT_EQ(user_name_in(passwd, 100), "user 100");
    EXPECT_EQ(user_name_in("", 0), "user 0");
    EXPECT_EQ(user_name(0), "root");
}

}  // namespace
}  // namespace otto
