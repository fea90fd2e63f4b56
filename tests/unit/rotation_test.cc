#include "control/rotation.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace otto::control {

namespace {

using namespace std::chrono_literals;

/// A rotation over so many healthy servers, with a clock of its own; what it reports, as words.
class RotationTest : public testing::Test {
  protected:
    RotationTest()
        : rotation_({.on_change = [this] { ++changes_; },
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
    void adopt() {
        rotation_.adopt(std::make_shared<const std::vector<Member>>(members_), config_);
    }
    std::size_t build(bool settled = true) {
        candidates_ = rotation_.build(*candidates_, settled, time_);
        return candidates_->size();
    }
    std::uint64_t id(std::size_t which) const { return members_[which].server->id; }
    /// Lets time pass until the candidates change by themselves.
    std::size_t wait() {
        time_ = rotation_.next_change().value();
        return build();
    }
    /// Ejects a server and lets its time pass.
    void make_half_open(std::size_t which) {
        errors(which, 5);
        build();
        while (!rotation_.ejections().half_open(id(which))) wait();
    }
    void errors(std::size_t which, unsigned count) {
        rotation_.errors_in_a_row(id(which), count, time_);
    }
    void probe_request_ended(std::size_t which, bool passed) {
        rotation_.probe_request_ended(id(which), passed, time_);
    }
    void check_passed(std::size_t which) { rotation_.check_passed(*members_[which].server, time_); }
    std::vector<std::string> told() { return std::exchange(told_, {}); }

    using Told = std::vector<std::string>;

    TimePoint time_{1h};
    Rotation rotation_;
    Config config_;
    std::vector<Member> members_;
    std::shared_ptr<const Candidates> candidates_ = Candidates::build({}, {}, 0);
    std::vector<std::string> told_;
    int changes_ = 0;
};

}  // namespace

TEST_F(RotationTest, EjectsAtTheConfiguredCount) {
    adopt(2);
    EXPECT_EQ(build(), 2u);
    errors(0, 4);
    EXPECT_EQ(told(), Told{}) << "reported under a smaller count, before a reload";
    errors(0, 5);
    EXPECT_EQ(told(), Told{"a ejected 1: 5 errors in a row"});
    EXPECT_EQ(changes_, 1);
    EXPECT_EQ(build(), 1u);
    errors(0, 10);
    rotation_.errors_in_a_row(12345678, 5, time_);
    EXPECT_EQ(told(), Told{});
}

TEST_F(RotationTest, KnowsWhyItEjectedAServerThatIsThere) {
    adopt(2);
    build();
    EXPECT_EQ(rotation_.ejection_reason(id(0)), "");
    errors(0, 7);
    EXPECT_EQ(rotation_.ejection_reason(id(0)), "7 errors in a row");
    adopt();
    EXPECT_EQ(rotation_.ejection_reason(id(0)), "7 errors in a row");
    const std::uint64_t gone = id(0);
    members_.erase(members_.begin());
    adopt();
    EXPECT_EQ(rotation_.ejection_reason(gone), "");
}

TEST_F(RotationTest, NeverTheLastNorWhoIsOutAnyway) {
    adopt(3);
    build();
    members_[2].server->set_health(Health::unhealthy);
    errors(2, 5);
    errors(0, 5);
    errors(1, 5);
    EXPECT_EQ(told(), Told{"a ejected 1: 5 errors in a row"});
    EXPECT_EQ(build(), 1u);
    EXPECT_EQ(rotation_.service(), Rotation::Service::normal);
}

TEST_F(RotationTest, ATrialIsOfferedOnceAndDecides) {
    adopt(2);
    make_half_open(0);
    EXPECT_TRUE(members_[0].server->take_probe_request());
    EXPECT_FALSE(members_[0].server->take_probe_request());
    build();
    EXPECT_FALSE(members_[0].server->take_probe_request());

    told();
    probe_request_ended(0, false);
    EXPECT_EQ(told(), Told{"a ejected 2: the probe request failed"});
    probe_request_ended(0, true);
    EXPECT_EQ(told(), Told{}) << "a late one";

    build();
    while (!rotation_.ejections().half_open(id(0))) wait();
    EXPECT_TRUE(members_[0].server->take_probe_request());
    members_[0].server->note_error();
    probe_request_ended(0, true);
    EXPECT_EQ(told(), Told{"a back: the probe request succeeded"});
    EXPECT_EQ(members_[0].server->note_error(), 1u) << "it begins afresh";
    EXPECT_EQ(build(), 2u);
}

TEST_F(RotationTest, ACheckEndsATrialAndWithdrawsItsOffer) {
    adopt(2);
    check_passed(0);
    make_half_open(0);
    told();
    check_passed(1);
    members_[0].server->set_health(Health::unhealthy);
    check_passed(0);
    EXPECT_EQ(told(), Told{}) << "one check is not enough for it";
    members_[0].server->set_health(Health::healthy);
    check_passed(0);
    EXPECT_EQ(told(), Told{"a back: a check passed"});
    EXPECT_FALSE(members_[0].server->take_probe_request());
    EXPECT_EQ(build(), 2u);
}

TEST_F(RotationTest, WhoRecoversFromBeingUnhealthyIsNotEjectedAnyLonger) {
    adopt(2);
    config_.ejection = {.consecutive_errors = 5, .base = 1h, .max = 1h};
    adopt();
    errors(0, 5);
    EXPECT_EQ(build(), 1u);
    told();
    rotation_.recovered(*members_[1].server);
    EXPECT_EQ(told(), Told{});
    rotation_.recovered(*members_[0].server);
    EXPECT_EQ(told(), Told{"a back: it was unhealthy and has recovered"});
    EXPECT_EQ(build(), 2u);
}

TEST_F(RotationTest, ReloadsKeepEjections) {
    config_.ejection.base = config_.ejection.max = 1h;
    adopt(3);
    build();
    errors(0, 5);
    errors(1, 5);
    told();
    adopt(4);
    EXPECT_EQ(build(), 2u);
    EXPECT_EQ(rotation_.ejections().count(), 2u);

    members_.erase(members_.begin());
    adopt();
    EXPECT_EQ(rotation_.ejections().count(), 1u) << "gone with its server";
    members_[0].state = ServerState::disabled;
    adopt();
    EXPECT_EQ(told(), Told{"b back: it is disabled"});
    members_[0].state = ServerState::active;
    adopt();
    EXPECT_EQ(build(), 3u);
    errors(0, 5);
    told();
    config_.ejection.consecutive_errors = 0;
    adopt();
    EXPECT_EQ(told(), Told{"b back: ejection is off"});
    EXPECT_EQ(build(), 3u);
    errors(0, 5);
    EXPECT_EQ(told(), Told{});
}

TEST_F(RotationTest, AServerThatIsBackIsNotBackAgain) {
    adopt(2);
    make_half_open(0);
    probe_request_ended(0, true);
    told();
    members_[0].state = ServerState::disabled;
    adopt();
    EXPECT_EQ(told(), Told{}) << "its record alone is forgotten";
}

TEST_F(RotationTest, BackupsStandByForRequestsThatFindNobodyElse) {
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
    EXPECT_EQ(rotation_.service(), Rotation::Service::normal);
}

TEST_F(RotationTest, RequestsWaitForServersThatAreFullRatherThanDisturbABackup) {
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

TEST_F(RotationTest, Service) {
    EXPECT_EQ(build(), 0u);
    EXPECT_EQ(rotation_.service(), Rotation::Service::normal) << "nothing is configured";
    adopt(2);
    for (const Member& member : members_) member.server->set_health(Health::unknown);
    EXPECT_EQ(build(false), 0u);
    EXPECT_EQ(rotation_.service(), Rotation::Service::normal) << "nothing is known";
    EXPECT_FALSE(candidates_->settled());
    for (const Member& member : members_) member.server->set_health(Health::unhealthy);
    EXPECT_EQ(build(), 2u);
    EXPECT_EQ(rotation_.service(), Rotation::Service::failing_open);
    EXPECT_TRUE(candidates_->failing_open());
    EXPECT_TRUE(candidates_->unhealthy());
    for (Member& member : members_) member.state = ServerState::drain;
    adopt();
    EXPECT_EQ(build(), 0u);
    EXPECT_EQ(rotation_.service(), Rotation::Service::none);
    members_[1].state = ServerState::active;
    members_[1].server->set_health(Health::healthy);
    adopt();
    EXPECT_EQ(build(), 1u);
    EXPECT_EQ(rotation_.service(), Rotation::Service::normal);
}

TEST_F(RotationTest, AServerThatComesInGrowsByItself) {
    config_.slow_start = 10s;
    adopt(1);
    EXPECT_EQ(build(), 1u);
    EXPECT_FALSE(rotation_.next_change()) << "at Otto's start all have their whole share";
    EXPECT_EQ(rotation_.level(id(0), time_), 10u);
    adopt(2);
    build();
    EXPECT_EQ(rotation_.level(id(1), time_), 1u);
    const TimePoint began = time_;
    double share = candidates_->share_of(*members_[1].server);
    EXPECT_LT(share, 0.1);
    while (rotation_.next_change()) {
        EXPECT_GT(*rotation_.next_change(), time_);
        wait();
        EXPECT_GE(candidates_->share_of(*members_[1].server), share);
        share = candidates_->share_of(*members_[1].server);
    }
    EXPECT_EQ(share, 0.5);
    EXPECT_GE(time_ - began, 10s) << "and a first level that may last twice as long";
    EXPECT_LE(time_ - began, 12s);
}

TEST_F(RotationTest, AServerThatGoesOutAndReturnsGrowsAgain) {
    config_.slow_start = 10s;
    adopt(2);
    EXPECT_EQ(build(), 2u);
    members_[0].server->set_health(Health::unhealthy);
    EXPECT_EQ(build(), 1u);
    members_[0].server->set_health(Health::healthy);
    EXPECT_EQ(build(), 2u);
    EXPECT_EQ(rotation_.level(id(0), time_), 1u);
    EXPECT_EQ(rotation_.level(id(1), time_), 10u);
}

TEST_F(RotationTest, DrainedServersReceiveNothingAndKeepTheirEjections) {
    config_.ejection.base = config_.ejection.max = 1h;
    adopt(3);
    build();
    errors(0, 5);
    members_[0].state = members_[1].state = ServerState::drain;
    adopt();
    EXPECT_EQ(build(), 1u);
    EXPECT_TRUE(candidates_->has(*members_[2].server));
    EXPECT_TRUE(rotation_.ejections().out(id(0)));
    members_[1].state = ServerState::active;
    adopt();
    EXPECT_EQ(build(), 2u);
}

TEST_F(RotationTest, EndsOfEjectionsComeInBatches) {
    adopt(3);
    build();
    errors(0, 5);
    build();
    const TimePoint soonest = time_ + 10ms;
    EXPECT_EQ(rotation_.next_change(), soonest) << "the ejection itself lasts 1 ms";
}

}  // namespace otto::control
