#include "health/roster.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace otto {

namespace {

/// A roster over so many healthy servers; what it tells, as words.
class RosterTest : public testing::Test {
  protected:
    RosterTest()
        : loop_(*Loop::open()),
          roster_(loop_, {.on_change =
                              [this] {
                                  ++changes_;
                                  loop_.stop();
                              },
                          .on_ejected =
                              [this](const Member& member, const Ejections::Ejected& ejected,
                                     const std::string& reason) {
                                  told_.push_back(member.name + " ejected " +
                                                  std::to_string(ejected.times) + ": " + reason);
                              },
                          .on_back =
                              [this](const Member& member, const std::string& reason) {
                                  told_.push_back(member.name + " back: " + reason);
                              }}) {
        config_.ejection = {.consecutive_errors = 5, .base = 1ms, .max = 1ms, .max_percent = 100};
        config_.slow_start = Duration::zero();
    }

    void adopt(std::size_t count) {
        const std::vector<Address> addresses{*Address::from_ip("127.0.0.1", 80)};
        for (std::size_t at = members_.size(); at < count; ++at) {
            const std::string name(1, static_cast<char>('a' + at));
            auto server = std::make_shared<Server>("http://" + name, name, "", addresses);
            server->set_health(Health::healthy);
            members_.push_back({.server = std::move(server), .name = name});
        }
        members_.resize(count);
        adopt();
    }
    void adopt() { roster_.adopt(std::make_shared<const std::vector<Member>>(members_), config_); }
    std::size_t build(bool settled = true) {
        candidates_ = roster_.build(*candidates_, settled);
        return candidates_->size();
    }
    std::uint64_t id(std::size_t which) const { return members_[which].server->id; }
    /// Ejects a server and lets its time pass.
    void put_on_trial(std::size_t which) {
        roster_.errors_in_a_row(id(which), 5);
        do {
            build();
            if (!roster_.ejections().on_trial(id(which))) loop_.run();
        } while (!roster_.ejections().on_trial(id(which)));
    }
    std::vector<std::string> told() { return std::exchange(told_, {}); }

    using Told = std::vector<std::string>;

    Loop loop_;
    Roster roster_;
    Config config_;
    std::vector<Member> members_;
    std::shared_ptr<const Candidates> candidates_ = Candidates::build({}, {}, 0);
    std::vector<std::string> told_;
    int changes_ = 0;
};

}  // namespace

TEST_F(RosterTest, EjectsAtTheConfiguredCount) {
    adopt(2);
    EXPECT_EQ(build(), 2u);
    roster_.errors_in_a_row(id(0), 4);
    EXPECT_EQ(told(), Told{}) << "reported under a smaller count, before a reload";
    roster_.errors_in_a_row(id(0), 5);
    EXPECT_EQ(told(), Told{"a ejected 1: 5 errors in a row"});
    EXPECT_EQ(changes_, 1);
    EXPECT_EQ(build(), 1u);
    roster_.errors_in_a_row(id(0), 10);
    roster_.errors_in_a_row(12345678, 5);
    EXPECT_EQ(told(), Told{});
}

TEST_F(RosterTest, KnowsWhyItEjectedAServerThatIsThere) {
    adopt(2);
    build();
    EXPECT_EQ(roster_.ejection_reason(id(0)), "");
    roster_.errors_in_a_row(id(0), 7);
    EXPECT_EQ(roster_.ejection_reason(id(0)), "7 errors in a row");
    adopt();
    EXPECT_EQ(roster_.ejection_reason(id(0)), "7 errors in a row");
    const std::uint64_t gone = id(0);
    members_.erase(members_.begin());
    adopt();
    EXPECT_EQ(roster_.ejection_reason(gone), "");
}

TEST_F(RosterTest, NeverTheLastNorWhoIsOutAnyway) {
    adopt(3);
    build();
    members_[2].server->set_health(Health::unhealthy);
    roster_.errors_in_a_row(id(2), 5);
    roster_.errors_in_a_row(id(0), 5);
    roster_.errors_in_a_row(id(1), 5);
    EXPECT_EQ(told(), Told{"a ejected 1: 5 errors in a row"});
    EXPECT_EQ(build(), 1u);
    EXPECT_EQ(roster_.service(), Roster::Service::normal);
}

TEST_F(RosterTest, ATrialIsOfferedOnceAndDecides) {
    adopt(2);
    put_on_trial(0);
    EXPECT_TRUE(members_[0].server->take_trial());
    EXPECT_FALSE(members_[0].server->take_trial());
    build();
    EXPECT_FALSE(members_[0].server->take_trial());

    told();
    roster_.trial_ended(id(0), false);
    EXPECT_EQ(told(), Told{"a ejected 2: the probe request failed"});
    roster_.trial_ended(id(0), true);
    EXPECT_EQ(told(), Told{}) << "a late one";

    do {
        build();
        if (!members_[0].server->take_trial()) loop_.run();
    } while (!roster_.ejections().on_trial(id(0)));
    members_[0].server->note_error();
    roster_.trial_ended(id(0), true);
    EXPECT_EQ(told(), Told{"a back: the probe request succeeded"});
    EXPECT_EQ(members_[0].server->note_error(), 1u) << "it begins afresh";
    EXPECT_EQ(build(), 2u);
}

TEST_F(RosterTest, ACheckEndsATrialAndWithdrawsItsOffer) {
    adopt(2);
    roster_.check_passed(*members_[0].server);
    put_on_trial(0);
    told();
    roster_.check_passed(*members_[1].server);
    members_[0].server->set_health(Health::unhealthy);
    roster_.check_passed(*members_[0].server);
    EXPECT_EQ(told(), Told{}) << "one check is not enough for it";
    members_[0].server->set_health(Health::healthy);
    roster_.check_passed(*members_[0].server);
    EXPECT_EQ(told(), Told{"a back: a check passed"});
    EXPECT_FALSE(members_[0].server->take_trial());
    EXPECT_EQ(build(), 2u);
}

TEST_F(RosterTest, WhoRecoversFromBeingUnhealthyIsNotEjectedAnyLonger) {
    adopt(2);
    config_.ejection = {.consecutive_errors = 5, .base = 1h, .max = 1h};
    adopt();
    roster_.errors_in_a_row(id(0), 5);
    EXPECT_EQ(build(), 1u);
    told();
    roster_.recovered(*members_[1].server);
    EXPECT_EQ(told(), Told{});
    roster_.recovered(*members_[0].server);
    EXPECT_EQ(told(), Told{"a back: it was unhealthy and has recovered"});
    EXPECT_EQ(build(), 2u);
}

TEST_F(RosterTest, ReloadsKeepEjections) {
    config_.ejection.base = config_.ejection.max = 1h;
    adopt(3);
    build();
    roster_.errors_in_a_row(id(0), 5);
    roster_.errors_in_a_row(id(1), 5);
    told();
    adopt(4);
    EXPECT_EQ(build(), 2u);
    EXPECT_EQ(roster_.ejections().count(), 2u);

    members_.erase(members_.begin());
    adopt();
    EXPECT_EQ(roster_.ejections().count(), 1u) << "gone with its server";
    members_[0].state = ServerState::disabled;
    adopt();
    EXPECT_EQ(told(), Told{"b back: it is disabled"});
    members_[0].state = ServerState::active;
    adopt();
    EXPECT_EQ(build(), 3u);
    roster_.errors_in_a_row(id(0), 5);
    told();
    config_.ejection.consecutive_errors = 0;
    adopt();
    EXPECT_EQ(told(), Told{"b back: ejection is off"});
    EXPECT_EQ(build(), 3u);
    roster_.errors_in_a_row(id(0), 5);
    EXPECT_EQ(told(), Told{});
}

TEST_F(RosterTest, BackupsStandByForRequestsThatFindNobodyElse) {
    adopt(4);
    members_[2].backup = members_[3].backup = true;
    adopt();
    EXPECT_EQ(build(), 2u);
    Picker picker(candidates_, 0, 1);
    Server* const a = members_[0].server.get();
    Server* const b = members_[1].server.get();
    for (int pick = 0; pick < 10; ++pick) {
        Server* const server = picker.pick({}).server;
        EXPECT_TRUE(server == a || server == b);
    }
    const std::array tried{a, b};
    EXPECT_TRUE(picker.pick({.tried = tried}).server->id > b->id);
    a->take_out();
    EXPECT_EQ(picker.pick({}).server, b);
    b->take_out();
    EXPECT_TRUE(picker.pick({}).server->id > b->id);
    EXPECT_EQ(build(), 2u);
    EXPECT_EQ(candidates_->reserve(), nullptr);
    EXPECT_EQ(roster_.service(), Roster::Service::normal);
}

TEST_F(RosterTest, RequestsWaitForServersThatAreFullRatherThanDisturbABackup) {
    adopt(2);
    members_[0].max_connections = 1;
    members_[1].backup = true;
    adopt();
    build();
    Picker picker(candidates_, 0, 1);
    ASSERT_TRUE(members_[0].server->enter(1));
    const Picked picked = picker.pick({});
    EXPECT_EQ(picked.server, nullptr);
    EXPECT_TRUE(picked.saturated);
    members_[0].server->leave();
}

TEST_F(RosterTest, Service) {
    EXPECT_EQ(build(), 0u);
    EXPECT_EQ(roster_.service(), Roster::Service::normal) << "nothing is configured";
    adopt(2);
    for (const Member& member : members_) member.server->set_health(Health::unknown);
    EXPECT_EQ(build(false), 0u);
    EXPECT_EQ(roster_.service(), Roster::Service::normal) << "nothing is known";
    EXPECT_FALSE(candidates_->settled());
    for (const Member& member : members_) member.server->set_health(Health::unhealthy);
    EXPECT_EQ(build(), 2u);
    EXPECT_EQ(roster_.service(), Roster::Service::failing_open);
    EXPECT_TRUE(candidates_->failing_open());
    EXPECT_TRUE(candidates_->unhealthy());
    for (Member& member : members_) member.state = ServerState::drain;
    adopt();
    EXPECT_EQ(build(), 0u);
    EXPECT_EQ(roster_.service(), Roster::Service::nobody);
    members_[1].state = ServerState::active;
    members_[1].server->set_health(Health::healthy);
    adopt();
    EXPECT_EQ(build(), 1u);
    EXPECT_EQ(roster_.service(), Roster::Service::normal);
}

TEST_F(RosterTest, GrowsByItself) {
    config_.slow_start = 9ms;
    adopt(1);
    build();
    EXPECT_EQ(changes_, 0) << "not at Otto's start";
    adopt(2);
    build();
    loop_.run();
    EXPECT_EQ(changes_, 1);
}

}  // namespace otto
