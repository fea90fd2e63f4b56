#include "balance/retry_budget.h"

#include <gtest/gtest.h>

namespace otto {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1h};

unsigned withdrawals(RetryBudget& budget, TimePoint now, unsigned most = 100'000) {
    unsigned count = 0;
    while (count < most && budget.withdraw(now)) ++count;
    return count;
}

TEST(RetryBudget, BeginsWithTenSecondsOfItsRate) {
    RetryBudget budget;
    budget.configure(20, 10);
    EXPECT_EQ(withdrawals(budget, start), 100u);
}

TEST(RetryBudget, GivesAShareOfTheRequests) {
    RetryBudget budget;
    budget.configure(25, 0);
    EXPECT_EQ(withdrawals(budget, start), 0u);
    for (int i = 0; i < 400; ++i) budget.deposit();
    EXPECT_EQ(withdrawals(budget, start), 100u);
}

TEST(RetryBudget, RefillsByTime) {
    RetryBudget budget;
    budget.configure(0, 10);
    withdrawals(budget, start);
    EXPECT_EQ(withdrawals(budget, start + 2s), 20u);
    EXPECT_EQ(withdrawals(budget, start + 1h), 100u);
}

TEST(RetryBudget, DoesNotSaveWithoutEnd) {
    RetryBudget budget;
    budget.configure(20, 10);
    for (int i = 0; i < 1'000'000; ++i) budget.deposit();
    EXPECT_EQ(withdrawals(budget, start), 200u);
}

TEST(RetryBudget, NothingConfiguredMeansNoRetries) {
    RetryBudget budget;
    budget.configure(0, 0);
    for (int i = 0; i < 1'000; ++i) budget.deposit();
    EXPECT_FALSE(budget.withdraw(start));
    EXPECT_FALSE(budget.withdraw(start + 1h));
}

TEST(RetryBudget, AReloadKeepsWhatIsSaved) {
    RetryBudget budget;
    budget.configure(20, 10);
    EXPECT_EQ(withdrawals(budget, start, 90), 90u);
    budget.configure(20, 10);
    EXPECT_EQ(withdrawals(budget, start), 10u);
}

}  // namespace
}  // namespace otto
