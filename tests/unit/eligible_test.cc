#include "balance/eligible.h"

#include <chrono>

#include <gtest/gtest.h>

namespace otto {

namespace {

using namespace std::chrono_literals;

const TimePoint start = TimePoint(1000s);

std::shared_ptr<Server> server(Health health, bool resolved = true) {
    std::vector<Address> addresses;
    if (resolved) addresses.push_back(*Address::from_ip("127.0.0.1", 80));
    auto made = std::make_shared<Server>("http://s", "s", "", std::move(addresses));
    made->set_health(health);
    return made;
}

Member member(Health health = Health::healthy, unsigned weight = 1, bool backup = false,
              ServerState state = ServerState::active) {
    Member made;
    made.server = server(health);
    made.weight = weight;
    made.backup = backup;
    made.state = state;
    return made;
}

/// What is decided about the members of one test.
struct Decided {
    std::vector<Member> members;
    Ejections ejections;
    SlowStart slow_start;
    bool settled = true;
    TimePoint now = start;

    Eligible get() const { return eligible(members, ejections, slow_start, settled, now); }
    void note(bool at_once = false) {
        slow_start.note(servers_in(members, ejections), now, at_once);
    }
    std::uint64_t id(std::size_t which) const { return members[which].server->id; }
    /// The eligible ones as indices.
    std::vector<std::size_t> who() const {
        std::vector<std::size_t> indices;
        for (const Member& each : get().members)
            for (std::size_t at = 0; at < members.size(); ++at)
                if (members[at].server == each.server) indices.push_back(at);
        return indices;
    }
    std::vector<unsigned> shares() const {
        std::vector<unsigned> all;
        for (const Member& each : get().members) all.push_back(each.share);
        return all;
    }
};

using Who = std::vector<std::size_t>;
using Shares = std::vector<unsigned>;

}  // namespace

TEST(Eligible, HealthyActiveServersWithAWeight) {
    Decided decided;
    decided.members = {member(),
                       member(Health::unhealthy),
                       member(Health::unknown),
                       member(Health::healthy, 0),
                       member(Health::healthy, 1, false, ServerState::drain),
                       member(Health::healthy, 1, false, ServerState::disabled),
                       member(Health::healthy, 7)};
    for (const bool settled : {false, true}) {
        decided.settled = settled;
        EXPECT_EQ(decided.who(), (Who{0, 6}));
        EXPECT_EQ(decided.shares(), (Shares{1, 7}));
        EXPECT_FALSE(decided.get().failing_open);
        EXPECT_FALSE(decided.get().next_change);
    }
}

TEST(Eligible, BackupsOnlyWhenNobodyElseIsIn) {
    Decided decided;
    decided.members = {member(Health::healthy, 1, true), member(), member(),
                       member(Health::unhealthy, 1, true)};
    EXPECT_EQ(decided.who(), (Who{1, 2}));
    decided.members[1].server->set_health(Health::unhealthy);
    EXPECT_EQ(decided.who(), (Who{2}));
    ASSERT_EQ(decided.get().reserve.size(), 1u);
    EXPECT_EQ(decided.get().reserve[0].server, decided.members[0].server);
    decided.ejections.eject(decided.id(2), start);
    EXPECT_EQ(decided.who(), (Who{0}));
    EXPECT_FALSE(decided.get().failing_open) << "that is what backups are for";
    EXPECT_TRUE(decided.get().reserve.empty());
    decided.members[1].server->set_health(Health::healthy);
    EXPECT_EQ(decided.who(), (Who{1}));
}

TEST(Eligible, FailsOpenOverAllThatMightAnswer) {
    Decided decided;
    decided.members = {member(Health::unhealthy, 3), member(Health::unhealthy, 1, true),
                       member(Health::unhealthy, 0),
                       member(Health::unhealthy, 1, false, ServerState::drain),
                       member(Health::healthy, 1, false, ServerState::disabled)};
    Member unresolved = member();
    unresolved.server = server(Health::unhealthy, false);
    decided.members.push_back(unresolved);
    EXPECT_TRUE(decided.get().failing_open);
    EXPECT_EQ(decided.who(), (Who{0, 1}));
    EXPECT_EQ(decided.shares(), (Shares{3, 1}));

    decided.settled = false;
    EXPECT_EQ(decided.who(), Who{}) << "somebody's first check may still pass";
    EXPECT_FALSE(decided.get().failing_open);
}

TEST(Eligible, NobodyToFailOpenTo) {
    Decided decided;
    EXPECT_FALSE(decided.get().failing_open);
    decided.members = {member(Health::healthy, 0),
                       member(Health::healthy, 1, false, ServerState::drain),
                       member(Health::unknown, 1, false, ServerState::disabled)};
    EXPECT_EQ(decided.who(), Who{});
    EXPECT_FALSE(decided.get().failing_open);
}

TEST(Eligible, EjectedServersAreBetterThanUnhealthyOnes) {
    Decided decided;
    decided.members = {member(), member(), member(Health::unhealthy)};
    decided.ejections.eject(decided.id(0), start);
    EXPECT_EQ(decided.who(), (Who{1}));
    EXPECT_EQ(decided.get().next_change, start + 30s);
    decided.members[1].server->set_health(Health::unhealthy);
    EXPECT_EQ(decided.who(), (Who{0}));
    EXPECT_TRUE(decided.get().failing_open);
    decided.members[0].server->set_health(Health::unhealthy);
    EXPECT_EQ(decided.who(), (Who{0, 1, 2}));
}

TEST(Eligible, TrialsAreOfferedBesideTheOthers) {
    Decided decided;
    decided.members = {member(), member(), member(Health::healthy, 1, true)};
    decided.ejections.eject(decided.id(0), start);
    decided.ejections.eject(decided.id(2), start);
    EXPECT_TRUE(decided.get().half_open.empty());
    decided.ejections.expire(start + 30s);
    EXPECT_EQ(decided.who(), (Who{1}));
    ASSERT_EQ(decided.get().half_open.size(), 1u) << "a backup is left alone while others serve";
    EXPECT_EQ(decided.get().half_open[0].server, decided.members[0].server);

    decided.members[0].server->set_health(Health::unhealthy);
    EXPECT_TRUE(decided.get().half_open.empty()) << "its checks come first";
    decided.members[0].server->set_health(Health::healthy);
    decided.members[0].state = ServerState::drain;
    EXPECT_TRUE(decided.get().half_open.empty());
    decided.members[1].server->set_health(Health::unhealthy);
    ASSERT_EQ(decided.get().half_open.size(), 1u);
    EXPECT_EQ(decided.get().half_open[0].server, decided.members[2].server);
    EXPECT_EQ(decided.who(), (Who{2}));
}

TEST(Eligible, TheLastServerIsNotEjected) {
    Decided decided;
    decided.members = {member(),
                       member(),
                       member(Health::healthy, 1, true),
                       member(),
                       member(Health::healthy, 0),
                       member(Health::unhealthy)};
    const auto may = [&decided](std::size_t which) {
        return may_eject(decided.id(which), decided.members, decided.ejections, 100);
    };
    EXPECT_TRUE(may(0));
    decided.ejections.eject(decided.id(0), start);
    decided.members[1].server->set_health(Health::unhealthy);
    EXPECT_TRUE(may(3)) << "the backup takes over";
    decided.members[2].state = ServerState::drain;
    EXPECT_FALSE(may(3));
    decided.ejections.expire(start + 30s);
    EXPECT_FALSE(may(3)) << "who is on trial is no replacement";
    decided.ejections.un_eject(decided.id(0), start + 30s);
    EXPECT_TRUE(may(3));
}

TEST(Eligible, NoMoreThanAPartIsEjected) {
    Decided decided;
    decided.members = {member(), member(), member(),
                       member(), member(), member(Health::healthy, 0)};
    const auto most = [&decided](unsigned max_percent) {
        decided.ejections = {};
        std::size_t ejected = 0;
        for (std::size_t each = 0; each < decided.members.size(); ++each) {
            if (!may_eject(decided.id(each), decided.members, decided.ejections, max_percent))
                break;
            decided.ejections.eject(decided.id(each), start);
            ++ejected;
        }
        return ejected;
    };
    EXPECT_EQ(most(0), 1u) << "one may always be";
    EXPECT_EQ(most(39), 1u);
    EXPECT_EQ(most(40), 2u);
    EXPECT_EQ(most(50), 2u);
    EXPECT_EQ(most(80), 4u);
    EXPECT_EQ(most(100), 4u) << "one is left";
    decided.ejections = {};
    decided.ejections.eject(decided.id(0), start);
    decided.ejections.eject(decided.id(1), start);
    decided.ejections.expire(start + 30s);
    EXPECT_FALSE(may_eject(decided.id(2), decided.members, decided.ejections, 50))
        << "on trial is out, too";
}

TEST(Eligible, SharesGrowFromATenth) {
    Decided decided;
    decided.slow_start.configure(9s);  // a step a second
    decided.members = {member(Health::healthy, 2), member(Health::unhealthy, 3)};
    decided.note(true);
    EXPECT_EQ(decided.shares(), (Shares{2}));
    decided.members[1].server->set_health(Health::healthy);
    decided.note();
    for (unsigned level = 1; level < 10; ++level) {
        EXPECT_EQ(decided.shares(), (Shares{20, 3 * level}));
        EXPECT_EQ(decided.get().next_change, decided.now + 1s);
        decided.now += 1s;
        decided.note();
    }
    EXPECT_EQ(decided.shares(), (Shares{2, 3})) << "nobody grows any more";
    EXPECT_FALSE(decided.get().next_change);
}

TEST(Eligible, GrowsAloneAtItsWeight) {
    Decided decided;
    decided.slow_start.configure(9s);
    decided.members = {member(Health::healthy, 5), member(Health::unhealthy)};
    decided.note();
    EXPECT_EQ(decided.shares(), (Shares{5}));
    EXPECT_EQ(decided.get().failing_open, false);
    decided.members[0].server->set_health(Health::unhealthy);
    EXPECT_EQ(decided.shares(), (Shares{5, 1})) << "failing open knows no slow start";
}

TEST(Eligible, NextChangeIsTheEarliest) {
    Decided decided;
    decided.slow_start.configure(90s);
    decided.members = {member(), member()};
    decided.note();
    EXPECT_EQ(decided.get().next_change, start + 10s - (start.time_since_epoch() % 10s));
    decided.ejections.configure(1s, 1s);
    decided.ejections.eject(decided.id(0), start);
    EXPECT_EQ(decided.get().next_change, start + 1s);
}

TEST(Eligible, TenThousandServers) {
    Decided decided;
    decided.slow_start.configure(9s);
    for (unsigned at = 0; at < 10'000; ++at)
        decided.members.push_back(member(Health::healthy, at % 1000 + 1));
    decided.note(true);
    decided.members[5].server->set_health(Health::unhealthy);
    decided.note();
    decided.members[5].server->set_health(Health::healthy);
    for (std::size_t at = 10; at < 5000; ++at) decided.ejections.eject(decided.id(at), start);

    const TimePoint before = now();
    decided.note();
    const Eligible found = decided.get();
    const TimePoint between = now();
    const auto candidates = Candidates::build(found.members, {}, 0);
    const TimePoint after = now();
    EXPECT_EQ(found.members.size(), 10'000u - 4990u);
    EXPECT_EQ(candidates->size(), found.members.size());
    const auto ms = [](Duration duration) {
        return std::chrono::duration<double, std::milli>(duration).count();
    };
    RecordProperty("eligible_ms", std::to_string(ms(between - before)));
    RecordProperty("candidates_ms", std::to_string(ms(after - between)));
}

TEST(SlowStart, CountsFromWhenAServerCameIn) {
    SlowStart slow_start;
    slow_start.configure(9s);
    slow_start.note({7, 3}, start, true);
    EXPECT_EQ(slow_start.level(3, start), 10u);
    EXPECT_FALSE(slow_start.growing());

    slow_start.note({3, 5, 7}, start, false);
    EXPECT_EQ(slow_start.level(5, start), 1u);
    EXPECT_EQ(slow_start.level(5, start + 1s), 2u);
    EXPECT_EQ(slow_start.level(5, start + 8s), 9u);
    EXPECT_EQ(slow_start.level(5, start + 9s), 10u);
    EXPECT_EQ(slow_start.level(3, start), 10u);

    slow_start.note({3, 5, 7}, start + 5s, false);
    EXPECT_EQ(slow_start.level(5, start + 5s), 6u) << "it goes on";
    slow_start.note({3, 7}, start + 5s, false);
    EXPECT_FALSE(slow_start.growing());
    slow_start.note({3, 5, 7}, start + 6s, false);
    EXPECT_EQ(slow_start.level(5, start + 6s), 1u) << "it begins anew";
    slow_start.note({3, 5, 7}, start + 15s, false);
    EXPECT_FALSE(slow_start.growing());
}

TEST(SlowStart, StepsAreTakenTogether) {
    SlowStart slow_start;
    slow_start.configure(9s);
    slow_start.note({}, start, true);
    slow_start.note({1}, start + 300ms, false);
    slow_start.note({1, 2}, start + 900ms, false);
    slow_start.note({1, 2, 3}, start + 1700ms, false);
    EXPECT_EQ(slow_start.next_step(start + 1700ms), start + 2s);
    EXPECT_EQ(slow_start.level(1, start + 1999ms), 1u);
    int changes = 0;
    for (TimePoint now = start + 1700ms; slow_start.growing(); ++changes) {
        now = *slow_start.next_step(now);
        slow_start.note({1, 2, 3}, now, false);
        EXPECT_EQ(slow_start.level(1, now), slow_start.level(2, now));
        EXPECT_EQ(std::min(slow_start.level(3, now) + 1, 10u), slow_start.level(1, now));
    }
    EXPECT_EQ(changes, 10);
}

TEST(SlowStart, ConfiguredAnew) {
    SlowStart slow_start;
    slow_start.configure(Duration::zero());
    slow_start.note({1}, start, false);
    EXPECT_EQ(slow_start.level(1, start), 10u);
    EXPECT_FALSE(slow_start.growing());
    slow_start.configure(9s);
    slow_start.note({1, 2}, start, false);
    EXPECT_EQ(slow_start.level(2, start + 2s), 3u);
    slow_start.configure(18s);
    EXPECT_EQ(slow_start.level(2, start + 2s), 2u);
    slow_start.configure(Duration::zero());
    EXPECT_EQ(slow_start.level(2, start + 2s), 10u);
    slow_start.note({1, 2}, start + 2s, false);
    EXPECT_FALSE(slow_start.growing());
    slow_start.configure(1ms);
    slow_start.note({1, 2, 3}, start, false);
    EXPECT_EQ(slow_start.level(3, start + 2ms), 10u);
}

}  // namespace otto
