#include "balance/ejections.h"

#include <gtest/gtest.h>

namespace otto {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t a = 1;
constexpr std::uint64_t b = 2;
const TimePoint start = TimePoint(1000s);

Ejections make(Duration base = 30s, Duration max = 5min) {
    Ejections ejections;
    ejections.configure(base, max);
    return ejections;
}

/// Ejects the server, lets its time pass and brings it back: how long that took.
Duration serve_time(Ejections& ejections, TimePoint& now) {
    const auto ejected = ejections.eject(a, now);
    EXPECT_TRUE(ejected);
    now += ejected->length;
    EXPECT_EQ(ejections.expire(now), std::vector<std::uint64_t>{a});
    EXPECT_TRUE(ejections.un_eject(a, now));
    return ejected->length;
}

}  // namespace

TEST(Ejections, LastForBaseAndEndInATrial) {
    Ejections ejections = make();
    const auto ejected = ejections.eject(a, start);
    ASSERT_TRUE(ejected);
    EXPECT_EQ(ejected->length, Duration(30s));
    EXPECT_EQ(ejected->times, 1u);
    EXPECT_TRUE(ejections.out(a));
    EXPECT_FALSE(ejections.out(b));
    EXPECT_EQ(ejections.count(), 1u);
    EXPECT_EQ(ejections.until(a), start + 30s);
    EXPECT_EQ(ejections.next_end(), start + 30s);

    EXPECT_TRUE(ejections.expire(start + 30s - 1ns).empty());
    EXPECT_FALSE(ejections.half_open(a));
    EXPECT_EQ(ejections.expire(start + 30s), std::vector<std::uint64_t>{a});
    EXPECT_TRUE(ejections.half_open(a));
    EXPECT_TRUE(ejections.out(a)) << "until the trial went well";
    EXPECT_FALSE(ejections.next_end()) << "time alone changes nothing more";
    EXPECT_TRUE(ejections.expire(start + 1h).empty()) << "it is told once";

    EXPECT_TRUE(ejections.un_eject(a, start + 31s));
    EXPECT_FALSE(ejections.out(a));
    EXPECT_EQ(ejections.count(), 0u);
    EXPECT_FALSE(ejections.until(a));
}

TEST(Ejections, WhoIsOutCannotBeEjectedAgain) {
    Ejections ejections = make();
    EXPECT_TRUE(ejections.eject(a, start));
    EXPECT_FALSE(ejections.eject(a, start + 1s)) << "late errors of requests under way";
    EXPECT_EQ(ejections.until(a), start + 30s);
    ejections.expire(start + 30s);
    EXPECT_FALSE(ejections.eject(a, start + 31s));
    EXPECT_TRUE(ejections.half_open(a));
    EXPECT_EQ(ejections.count(), 1u);
}

TEST(Ejections, OnlyATrialEndsThem) {
    Ejections ejections = make();
    EXPECT_FALSE(ejections.un_eject(a, start)) << "unknown";
    EXPECT_FALSE(ejections.eject_again(a, start));
    ejections.eject(a, start);
    EXPECT_FALSE(ejections.un_eject(a, start + 1s))
        << "a check that passes before its time is over";
    EXPECT_FALSE(ejections.eject_again(a, start + 1s));
    EXPECT_TRUE(ejections.out(a));
    ejections.expire(start + 30s);
    EXPECT_TRUE(ejections.un_eject(a, start + 30s));
    EXPECT_FALSE(ejections.un_eject(a, start + 30s)) << "a second one that comes too late";
    EXPECT_FALSE(ejections.eject_again(a, start + 30s));
}

TEST(Ejections, EachInARowLastsTwiceAsLongUpToTheMost) {
    Ejections ejections = make(30s, 5min);
    TimePoint now = start;
    for (const Duration expected : {30s, 60s, 120s, 240s, 300s, 300s}) {
        EXPECT_EQ(serve_time(ejections, now), expected);
        now += 1s;
    }
}

TEST(Ejections, AFailedTrialIsTheNextInARow) {
    Ejections ejections = make();
    TimePoint now = start;
    ejections.eject(a, now);
    for (const Duration expected : {60s, 120s, 240s, 300s}) {
        now = *ejections.until(a);
        ejections.expire(now);
        const auto anew = ejections.eject_again(a, now);
        ASSERT_TRUE(anew);
        EXPECT_EQ(anew->length, expected);
        EXPECT_TRUE(ejections.out(a));
        EXPECT_FALSE(ejections.half_open(a));
        EXPECT_EQ(ejections.count(), 1u);
    }
    // However often that goes on.
    for (int time = 0; time < 1000; ++time) {
        now = *ejections.until(a);
        ejections.expire(now);
        EXPECT_EQ(ejections.eject_again(a, now)->length, Duration(5min));
    }
}

TEST(Ejections, WhoWentWithoutForTheMostBeginsAfresh) {
    Ejections ejections = make();
    TimePoint now = start;
    serve_time(ejections, now);
    now += 5min - 1ns;
    EXPECT_EQ(serve_time(ejections, now), Duration(60s));
    now += 5min;
    EXPECT_EQ(serve_time(ejections, now), Duration(30s));
}

TEST(Ejections, SeveralServers) {
    Ejections ejections = make();
    ejections.eject(a, start);
    ejections.eject(b, start + 10s);
    EXPECT_EQ(ejections.count(), 2u);
    EXPECT_EQ(ejections.next_end(), start + 30s);
    EXPECT_EQ(ejections.expire(start + 35s), std::vector<std::uint64_t>{a});
    EXPECT_EQ(ejections.next_end(), start + 40s);
    ejections.forget(b);
    EXPECT_EQ(ejections.count(), 1u);
    EXPECT_FALSE(ejections.next_end());
    ejections.forget(b);
    EXPECT_EQ(ejections.known(), std::vector<std::uint64_t>{a});
    ejections.forget(a);
    EXPECT_EQ(ejections.count(), 0u);
}

TEST(Ejections, ANewConfigurationHoldsFromTheNextOneOn) {
    Ejections ejections = make();
    ejections.eject(a, start);
    ejections.configure(1s, 3s);
    EXPECT_EQ(ejections.until(a), start + 30s);
    ejections.expire(start + 30s);
    EXPECT_EQ(ejections.eject_again(a, start + 30s)->length, Duration(2s));
}

}  // namespace otto
