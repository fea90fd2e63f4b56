#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/heap_trim.h"
#include "event/loop.h"
#include "event/spares.h"

namespace otto {
namespace {

constexpr std::size_t kib = 1024;
using std::chrono::seconds;

class SparesTest : public testing::Test {
  protected:
    void give(int count, std::size_t bytes) {
        for (int left = count; left > 0; --left)
            spares_.give(std::make_unique<std::string>(), bytes);
    }

    Loop loop_ = std::move(*Loop::open());
    Spares<std::unique_ptr<std::string>> spares_{loop_, 1024 * kib};
};

TEST_F(SparesTest, GiveBackTheLastOne) {
    EXPECT_FALSE(spares_.take());
    spares_.give(std::make_unique<std::string>("first"), 1);
    spares_.give(std::make_unique<std::string>("last"), 1);
    EXPECT_EQ(**spares_.take(), "last");
    EXPECT_EQ(spares_.bytes(), 1u);
}

TEST_F(SparesTest, AreBoundedByBytes) {
    give(20, 100 * kib);
    EXPECT_EQ(spares_.bytes(), 1000 * kib);
    give(1, 24 * kib);
    EXPECT_EQ(spares_.bytes(), 1024 * kib);
    ASSERT_TRUE(spares_.take());
    EXPECT_EQ(spares_.bytes(), 1000 * kib);
}

TEST_F(SparesTest, ThatNobodyNeedsAreLetGo) {
    give(10, 100 * kib);
    spares_.let_go();
    EXPECT_EQ(spares_.bytes(), 1000 * kib) << "they have only just come";
    spares_.let_go();
    EXPECT_EQ(spares_.bytes(), 500 * kib);
    for (int round = 0; round < 10; ++round) spares_.let_go();
    EXPECT_LE(spares_.bytes(), Spares<int>::always_kept);
}

TEST_F(SparesTest, ThatAreNeededStay) {
    give(10, 100 * kib);
    spares_.let_go();
    for (int round = 0; round < 10; ++round) {
        std::vector<std::unique_ptr<std::string>> used;
        while (auto each = spares_.take()) used.push_back(std::move(*each));
        for (auto& each : used) spares_.give(std::move(each), 100 * kib);
        spares_.let_go();
    }
    EXPECT_EQ(spares_.bytes(), 1000 * kib);
}

TEST(HeapTrim, IsDueAfterACrowdHasLeft) {
    HeapTrim trim;
    TimePoint now{};
    const auto trims = [&](int time, std::uint64_t clients) {
        int count = 0;
        for (int second = 0; second < time; ++second)
            count += trim.due(now += seconds(1), clients, clients);
        return count;
    };
    EXPECT_EQ(trims(100, 3000), 0) << "they are there";
    EXPECT_EQ(trims(100, 2000), 0) << "most are there";
    EXPECT_EQ(trims(4, 10), 0) << "it was just now";
    EXPECT_GE(trims(56, 10), 1) << "within a minute";
    EXPECT_LE(trims(1000, 10), 3) << "not for ever";
    EXPECT_EQ(trims(1000, 90), 0);

    // It came and went within a second.
    EXPECT_FALSE(trim.due(now += seconds(1), 10, 3000));
    EXPECT_GE(trims(60, 10), 1);
    EXPECT_EQ(trims(1000, 0), 0) << "a few are no crowd";
}

}  // namespace
}  // namespace otto
