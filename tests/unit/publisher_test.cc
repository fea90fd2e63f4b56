#include "control/publisher.h"

#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "members.h"

namespace otto::control {

namespace {

using State = Publisher::State;

/// A publisher over two servers and three workers that confirm when the test says so.
class PublisherTest : public testing::Test {
  protected:
    std::shared_ptr<const Snapshot> configured() { return snapshot_of(members_); }
    /// All that the workers were given since the last call.
    std::vector<std::shared_ptr<const Snapshot>> given() { return std::exchange(given_, {}); }
    void settle() {
        settled_ = true;
        publisher_.take(configured());
        given();
        balanced_ = 0;
    }

    std::vector<Member> members_ = members_of({1, 1});
    bool settled_ = false;
    int balanced_ = 0;
    int woken_ = 0;
    int confirmed_ = 0;
    std::vector<bool> published_;  // whether each ended the start
    std::vector<std::shared_ptr<const Snapshot>> given_;
    Publisher publisher_{{.settled = [this] { return settled_; },
                          .balance =
                              [this](const Candidates& predecessor) {
                                  ++balanced_;
                                  return Candidates::build(members_, {}, predecessor);
                              },
                          .apply = [this](const auto& snapshot) { given_.push_back(snapshot); },
                          .wake = [this] { ++woken_; },
                          .on_published = [this](bool settles) { published_.push_back(settles); },
                          .ask = [] { return 3u; },
                          .on_confirmed = [this] { ++confirmed_; }}};
};

}  // namespace

TEST_F(PublisherTest, AtTheStartRequestsWaitForTheFirstVerdicts) {
    publisher_.take(configured());
    auto snapshots = given();
    ASSERT_EQ(snapshots.size(), 1u) << "workers have the configuration at once";
    EXPECT_TRUE(snapshots[0]->candidates().empty());
    EXPECT_EQ(publisher_.state(), State::settling);
    EXPECT_EQ(published_, std::vector{false});

    publisher_.changed();
    EXPECT_EQ(woken_, 1);
    publisher_.publish_if_due();
    EXPECT_TRUE(given().empty()) << "one verdict of two";

    settled_ = true;
    publisher_.changed();
    publisher_.publish_if_due();
    snapshots = given();
    ASSERT_EQ(snapshots.size(), 1u);
    EXPECT_EQ(snapshots[0]->candidates().size(), 2u);
    EXPECT_EQ(publisher_.state(), State::current);
    EXPECT_EQ(publisher_.snapshot(), snapshots[0]);
    EXPECT_EQ(published_, (std::vector{false, true}));
}

TEST_F(PublisherTest, TheStartEndsWithoutAVerdictWhenItsTimeIsOver) {
    publisher_.take(configured());
    given();
    publisher_.settle();
    ASSERT_EQ(given().size(), 1u);
    EXPECT_EQ(publisher_.state(), State::current);
    EXPECT_EQ(published_, (std::vector{false, true}));
    publisher_.settle();
    EXPECT_TRUE(given().empty()) << "it has ended already";
}

TEST_F(PublisherTest, AConfigurationWhoseServersAreKnownEndsTheStart) {
    publisher_.take(configured());
    settled_ = true;
    publisher_.take(configured());
    EXPECT_EQ(given().back()->candidates().size(), 2u);
    EXPECT_EQ(published_, (std::vector{false, true}));
    publisher_.take(configured());
    EXPECT_EQ(published_, (std::vector{false, true, false}));
}

TEST_F(PublisherTest, PublishesWhatChangesInATurnOnce) {
    settle();
    publisher_.publish_if_due();
    EXPECT_TRUE(given().empty()) << "nothing has changed";
    for (int server = 0; server < 1000; ++server) publisher_.changed();
    EXPECT_EQ(woken_, 1);
    EXPECT_EQ(publisher_.state(), State::due);
    EXPECT_TRUE(given().empty()) << "not before the end of the turn";
    publisher_.publish_if_due();
    EXPECT_EQ(given().size(), 1u);
    EXPECT_EQ(balanced_, 1);
    publisher_.publish_if_due();
    EXPECT_TRUE(given().empty());
    publisher_.changed();
    EXPECT_EQ(woken_, 2);
}

TEST_F(PublisherTest, OnlyAtTheStartVerdictsAreWaitedFor) {
    settle();
    settled_ = false;
    publisher_.take(configured());
    publisher_.changed();
    publisher_.publish_if_due();
    EXPECT_EQ(balanced_, 2) << "a server was added, and the others go on";
}

TEST_F(PublisherTest, WhatWasDueGoesWithAConfiguration) {
    settle();
    publisher_.changed();
    publisher_.take(configured());
    EXPECT_EQ(given().size(), 1u);
    EXPECT_EQ(publisher_.state(), State::current);
    publisher_.publish_if_due();
    EXPECT_TRUE(given().empty());
}

TEST_F(PublisherTest, AServerThatReturnsTakesItsTurnWhereTheOrderIs) {
    settle();
    const auto before = publisher_.snapshot();
    Picker picker({before, &before->candidates()}, 0, 1);
    picker.pick({});
    members_.pop_back();
    publisher_.changed();
    publisher_.publish_if_due();
    EXPECT_EQ(publisher_.snapshot()->candidates().size(), 1u);
    EXPECT_EQ(publisher_.snapshot()->candidates().position(), 1u) << "the order goes on";
    EXPECT_TRUE(same_servers(*publisher_.snapshot(), *before));
    EXPECT_EQ(before->candidates().size(), 2u) << "requests in flight keep theirs";
}

TEST_F(PublisherTest, IsConfirmedOnceEachWorkerHas) {
    settle();
    EXPECT_FALSE(publisher_.confirming());
    publisher_.confirm();
    publisher_.confirmed();
    publisher_.confirmed();
    EXPECT_EQ(confirmed_, 0);
    EXPECT_TRUE(publisher_.confirming());
    publisher_.confirmed();
    EXPECT_EQ(confirmed_, 1);
    EXPECT_FALSE(publisher_.confirming());
}

TEST_F(PublisherTest, AskedAgainMeanwhileItIsConfirmedOnceForAll) {
    settle();
    publisher_.confirm();
    publisher_.confirmed();
    publisher_.confirm();
    for (int answer = 0; answer < 4; ++answer) publisher_.confirmed();
    EXPECT_EQ(confirmed_, 0);
    publisher_.confirmed();
    EXPECT_EQ(confirmed_, 1);
}

}  // namespace otto::control
