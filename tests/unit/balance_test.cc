#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "balance/candidates.h"
#include "balance/policy_round_robin.h"
#include "balance/retry.h"
#include "balance/smooth_order.h"
#include "balance/stride_schedule.h"
#include "balance/verdict.h"
#include "members.h"

namespace otto {
namespace {

using Weights = std::vector<std::uint32_t>;

std::uint64_t sum(const Weights& weights) {
    return std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
}

/// 1 to `most`.
std::uint32_t draw(std::mt19937& random, std::uint32_t most) {
    return std::uniform_int_distribution<std::uint32_t>(1, most)(random);
}

Weights random_weights(std::mt19937& random, std::uint32_t most, std::uint32_t heaviest) {
    Weights weights(draw(random, most));
    for (std::uint32_t& weight : weights) weight = draw(random, heaviest);
    return weights;
}

/// How often each index is in `order`.
Weights shares(const std::vector<std::uint32_t>& order, std::size_t members) {
    Weights counts(members);
    for (const std::uint32_t index : order) ++counts[index];
    return counts;
}

/// The longest wait of each index between two of its turns, the order being repeated.
Weights longest_waits(const std::vector<std::uint32_t>& order, std::size_t members) {
    Weights longest(members);
    std::vector<std::size_t> last(members, order.size());
    for (std::size_t slot = 0; slot < 2 * order.size(); ++slot) {
        const std::uint32_t index = order[slot % order.size()];
        if (slot >= order.size())
            longest[index] =
                std::max(longest[index], static_cast<std::uint32_t>(slot - last[index]));
        last[index] = slot;
    }
    return longest;
}

TEST(SmoothOrder, GivesExactSharesSmoothly) {
    std::mt19937 random(1);
    for (int round = 0; round < 300; ++round) {
        const Weights weights = random_weights(random, 40, draw(random, 100));
        const Weights reduced = reduced_weights(weights);
        const auto order = smooth_order(weights, 65'536);
        ASSERT_EQ(order.size(), sum(reduced));
        ASSERT_EQ(shares(order, weights.size()), reduced);
        const Weights waits = longest_waits(order, weights.size());
        for (std::size_t i = 0; i < weights.size(); ++i)
            ASSERT_LE(waits[i], (2 * sum(reduced) + reduced[i] - 1) / reduced[i]);
    }
}

TEST(SmoothOrder, KeepsEveryPrefixWithinOneTurnOfTheShare) {
    std::mt19937 random(2);
    for (int round = 0; round < 100; ++round) {
        const Weights weights = reduced_weights(random_weights(random, 30, 60));
        const auto order = smooth_order(weights, 65'536);
        const auto total = static_cast<std::int64_t>(sum(weights));
        std::vector<std::int64_t> turns(weights.size());
        for (std::size_t slot = 0; slot < order.size(); ++slot) {
            ++turns[order[slot]];
            const auto passed = static_cast<std::int64_t>(slot + 1);
            for (std::size_t i = 0; i < weights.size(); ++i) {
                ASSERT_LT((turns[i] - 1) * total, passed * weights[i]) << "ahead of its share";
                ASSERT_GE((turns[i] + 2) * total, passed * weights[i]) << "behind its share";
            }
        }
    }
}

TEST(SmoothOrder, GivesEqualWeightsInConfiguredOrder) {
    for (const std::uint32_t weight : {1u, 3u, 1'000u})
        EXPECT_EQ(smooth_order(Weights(5, weight), 65'536),
                  (std::vector<std::uint32_t>{0, 1, 2, 3, 4}));
}

TEST(SmoothOrder, InterleavesAHeavyMemberWithManyLightOnes) {
    Weights weights(9, 1);
    weights[0] = 8;
    const auto order = smooth_order(weights, 65'536);
    for (std::size_t slot = 0; slot < order.size(); ++slot)
        EXPECT_EQ(order[slot] == 0, slot % 2 == 0) << slot;
}

TEST(SmoothOrder, MatchesAKnownOrder) {
    EXPECT_EQ(smooth_order(Weights{5, 1, 1}, 65'536),
              (std::vector<std::uint32_t>{0, 1, 0, 0, 2, 0, 0}));
}

TEST(SmoothOrder, ReducesWeightsByTheirDivisor) {
    EXPECT_EQ(reduced_weights(Weights{1'000, 500, 250}), (Weights{4, 2, 1}));
    EXPECT_EQ(reduced_weights(Weights{6, 0, 9}), (Weights{2, 0, 3}));
    EXPECT_EQ(reduced_weights(Weights{0, 0}), (Weights{0, 0}));
    EXPECT_EQ(smooth_order(Weights{60'000, 30'000}, 3).size(), 3u);
}

TEST(SmoothOrder, IsEmptyBeyondTheMostSlots) {
    EXPECT_EQ(smooth_order(Weights{3, 2}, 5).size(), 5u);
    EXPECT_TRUE(smooth_order(Weights{3, 2}, 4).empty());
    EXPECT_TRUE(smooth_order(Weights{}, 4).empty());
    EXPECT_TRUE(smooth_order(Weights{0}, 4).empty());
}

TEST(SmoothOrder, LeavesOutWeightZero) {
    EXPECT_EQ(smooth_order(Weights{0, 1, 0, 1}, 9), (std::vector<std::uint32_t>{1, 3}));
}

TEST(StrideSchedule, RepeatsTheSmoothOrderForEver) {
    std::mt19937 random(3);
    const Weights weights = reduced_weights(random_weights(random, 20, 50));
    const auto order = smooth_order(weights, 65'536);
    StrideSchedule schedule(weights, 0);
    for (std::size_t slot = 0; slot < 5 * order.size(); ++slot)
        ASSERT_EQ(schedule.next(), order[slot % order.size()]) << slot;
}

TEST(StrideSchedule, HasExactSharesFromAnyStart) {
    std::mt19937 random(4);
    for (int round = 0; round < 200; ++round) {
        const Weights weights = random_weights(random, 30, 100);
        const std::uint64_t cycle = sum(weights);
        const std::uint64_t start = random() % (3 * cycle);
        StrideSchedule schedule(weights, start);
        ASSERT_EQ(schedule.cycle(), cycle);

        // Up to the end of the cycle it began in, everybody has what is left of their turns, give
        // or take one.
        Weights turns(weights.size());
        const std::uint64_t left = cycle - start % cycle;
        for (std::uint64_t slot = 0; slot < left; ++slot) ++turns[schedule.next()];
        for (std::size_t i = 0; i < weights.size(); ++i) {
            const std::int64_t owed = static_cast<std::int64_t>(left * weights[i]);
            const auto given = static_cast<std::int64_t>(turns[i] * cycle);
            ASSERT_LT(std::abs(owed - given), static_cast<std::int64_t>(cycle));
        }
        for (int repetition = 0; repetition < 2; ++repetition) {
            std::fill(turns.begin(), turns.end(), 0);
            for (std::uint64_t slot = 0; slot < cycle; ++slot) ++turns[schedule.next()];
            ASSERT_EQ(turns, weights);
        }
    }
}

TEST(StrideSchedule, IsSmoothWithoutATable) {
    std::mt19937 random(5);
    Weights weights(150);
    for (std::uint32_t& weight : weights) weight = draw(random, 1'000);
    const std::uint64_t cycle = sum(weights);
    StrideSchedule schedule(weights, 0);
    std::vector<std::uint32_t> order(cycle);
    for (std::uint32_t& index : order) index = schedule.next();
    EXPECT_EQ(shares(order, weights.size()), weights);
    const Weights waits = longest_waits(order, weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i)
        ASSERT_LE(waits[i], 2 * cycle / weights[i] + 1);
}

TEST(Candidates, LeaveOutAShareOfNothing) {
    const auto members = members_of({0, 1, 0});
    const auto candidates = Candidates::build(members, {.settled = false}, 0);
    EXPECT_EQ(candidates->size(), 1u);
    EXPECT_FALSE(candidates->settled());
    Picker picker(candidates, 0, 1);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(picker.pick({}).server, members[1].server.get());
}

TEST(Candidates, TellShares) {
    const auto members = members_of({3, 1, 0});
    const auto fair = Candidates::build(members, {}, 0);
    EXPECT_DOUBLE_EQ(fair->share_of(*members[0].server), 0.75);
    EXPECT_DOUBLE_EQ(fair->share_of(*members[1].server), 0.25);
    EXPECT_DOUBLE_EQ(fair->share_of(*members[2].server), 0);
    const auto first = Candidates::build(members, {.policy = find_policy("first")}, 0);
    EXPECT_DOUBLE_EQ(first->share_of(*members[0].server), 1);
    EXPECT_DOUBLE_EQ(first->share_of(*members[1].server), 0);
    EXPECT_DOUBLE_EQ(Candidates::build({}, {}, 0)->share_of(*members[0].server), 0);
}

TEST(Candidates, OfNobodyGiveNobody) {
    const auto candidates = Candidates::build({}, {}, 7);
    EXPECT_TRUE(candidates->empty());
    EXPECT_EQ(Picker(candidates, 0, 2).pick({}).server, nullptr);
}

TEST(Candidates, CarryThePositionOver) {
    const auto members = members_of(Weights(4, 1));
    const auto before = Candidates::build(members, {}, 0);
    Picker picker(before, 0, 1);
    for (int i = 0; i < 6; ++i) picker.pick({});
    const auto after = Candidates::build(members, {}, *before);
    EXPECT_EQ(Picker(after, 0, 1).pick({}).server, members[2].server.get());
}

TEST(Picker, IsExactAcrossInterleavedPickers) {
    std::mt19937 random(6);
    for (int round = 0; round < 100; ++round) {
        const Weights weights = random_weights(random, 20, 20);
        const auto members = members_of(weights);
        const auto indices = indices_of(members);
        const auto candidates = Candidates::build(members, {}, random());
        std::vector<Picker> pickers;
        for (unsigned worker = 0; worker < 4; ++worker) pickers.emplace_back(candidates, worker, 4);
        Weights counts(weights.size());
        for (std::uint64_t i = 0; i < sum(reduced_weights(weights)); ++i)
            ++counts[indices.at(pickers[random() % 4].pick({}).server)];
        ASSERT_EQ(counts, reduced_weights(weights));
    }
}

TEST(Picker, IsExactAcrossThreads) {
    const Weights weights{1, 2, 3, 5, 7, 11, 13};
    const auto members = members_of(weights);
    const auto indices = indices_of(members);
    const auto candidates = Candidates::build(members, {}, 12'345);
    constexpr unsigned workers = 4;
    constexpr std::uint32_t cycles_each = 200;
    std::vector<Weights> counts(workers, Weights(weights.size()));
    std::vector<std::thread> threads;
    for (unsigned worker = 0; worker < workers; ++worker)
        threads.emplace_back([&, worker] {
            Picker picker(candidates, worker, workers);
            for (std::uint64_t i = 0; i < cycles_each * sum(weights); ++i)
                ++counts[worker][indices.at(picker.pick({}).server)];
        });
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < weights.size(); ++i) {
        std::uint32_t total = 0;
        for (const Weights& each : counts) total += each[i];
        EXPECT_EQ(total, workers * cycles_each * weights[i]);
    }
}

TEST(Picker, KeepsConfiguredOrderForEqualWeights) {
    const auto members = members_of(Weights(5, 10));
    Picker picker(Candidates::build(members, {}, 0), 0, 1);
    for (std::size_t i = 0; i < 10; ++i)
        EXPECT_EQ(picker.pick({}).server, members[i % 5].server.get());
}

TEST(Picker, SecondTryTakesNobodysTurn) {
    const auto members = members_of(Weights(3, 1));
    const auto candidates = Candidates::build(members, {}, 0);
    Picker picker(candidates, 0, 1);
    std::vector<Server*> tried{members[0].server.get()};
    EXPECT_EQ(picker.pick({.tried = tried}).server, members[1].server.get());
    EXPECT_EQ(candidates->position(), 0u);
    EXPECT_EQ(picker.pick({}).server, members[0].server.get());
    EXPECT_EQ(picker.pick({}).server, members[1].server.get());
    tried = {members[0].server.get(), members[1].server.get(), members[2].server.get()};
    EXPECT_EQ(picker.pick({.tried = tried}).server, nullptr);
}

/// Weights of a table and of a stride schedule.
class AnyPicker : public testing::TestWithParam<Weights> {};

TEST_P(AnyPicker, NeverGivesTriedOrTakenOutServers) {
    std::mt19937 random(7);
    const auto members = members_of(GetParam());
    Picker picker(Candidates::build(members, {}, 0), 0, 2);
    for (int round = 0; round < 2'000; ++round) {
        std::vector<Server*> tried;
        for (unsigned i = 0; i < random() % 3; ++i)
            tried.push_back(members[random() % members.size()].server.get());
        Server* server = picker.pick({.tried = tried}).server;
        ASSERT_NE(server, nullptr);
        ASSERT_EQ(server->health(), Health::healthy);
        ASSERT_EQ(std::find(tried.begin(), tried.end(), server), tried.end());
        if (round % 100 == 0 && round < 1'000) {
            ASSERT_TRUE(server->take_out());
        }
    }
    for (const Member& member : members) member.server->take_out();
    EXPECT_EQ(picker.pick({}).server, nullptr);
}

TEST_P(AnyPicker, FindsTheOnlyOneLeft) {
    const auto members = members_of(GetParam());
    Picker picker(Candidates::build(members, {}, 0), 1, 2);
    for (const Member& member : members) member.server->take_out();
    Server* const last = members.back().server.get();
    last->set_health(Health::healthy);
    EXPECT_EQ(picker.pick({}).server, last);
}

Weights many_weights() {
    std::mt19937 random(8);
    Weights weights(200);
    for (std::uint32_t& weight : weights) weight = draw(random, 1'000);
    return weights;
}

INSTANTIATE_TEST_SUITE_P(Picker, AnyPicker,
                         testing::Values(Weights(15, 1),
                                         Weights{9, 7, 1, 1, 5, 4, 3, 8, 1, 2, 6, 1, 9},
                                         many_weights()));

TEST(Picker, KeepsSharesWithoutATableAndFromDifferentPhases) {
    const Weights weights = many_weights();
    ASSERT_TRUE(smooth_order(weights, max_slots).empty());
    const auto members = members_of(weights);
    const auto indices = indices_of(members);
    const auto candidates = Candidates::build(members, {}, 99);
    std::vector<Picker> pickers;
    for (unsigned worker = 0; worker < 3; ++worker) pickers.emplace_back(candidates, worker, 3);
    std::vector<Weights> counts(3, Weights(weights.size()));
    unsigned in_step = 0;
    constexpr unsigned cycles = 2;
    for (std::uint64_t i = 0; i < cycles * sum(weights); ++i) {
        std::vector<std::size_t> picked;
        for (std::size_t worker = 0; worker < pickers.size(); ++worker) {
            picked.push_back(indices.at(pickers[worker].pick({}).server));
            ++counts[worker][picked.back()];
        }
        in_step += picked[0] == picked[1] && picked[1] == picked[2];
    }
    for (const Weights& each : counts)
        for (std::size_t i = 0; i < weights.size(); ++i) {
            EXPECT_GE(each[i] + 2, cycles * weights[i]);
            EXPECT_LE(each[i], cycles * weights[i] + 2);
        }
    EXPECT_LT(in_step, sum(weights) / 50);
}

TEST(Server, IsTakenOutByOneThreadOnly) {
    Server server("http://a:1", "a:1", "", {});
    EXPECT_FALSE(server.take_out()) << "not known to be healthy";
    for (int round = 0; round < 200; ++round) {
        server.set_health(Health::healthy);
        std::atomic<int> winners{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&] { winners += server.take_out() ? 1 : 0; });
        for (std::thread& thread : threads) thread.join();
        ASSERT_EQ(winners, 1);
        ASSERT_EQ(server.health(), Health::unhealthy);
    }
}

TEST(Server, TellsItsHealth) {
    EXPECT_STREQ(to_string(Health::unknown), "unknown");
    EXPECT_STREQ(to_string(Health::healthy), "healthy");
    EXPECT_STREQ(to_string(Health::unhealthy), "unhealthy");
}

TEST(Verdict, TheFirstResultDecides) {
    Verdict good;
    EXPECT_TRUE(good.record(true, 2, 3));
    EXPECT_EQ(good.health(), Health::healthy);
    Verdict bad;
    EXPECT_TRUE(bad.record(false, 2, 3));
    EXPECT_EQ(bad.health(), Health::unhealthy);
}

TEST(Verdict, NeedsResultsInARow) {
    Verdict verdict;
    verdict.record(true, 2, 3);
    EXPECT_FALSE(verdict.record(false, 2, 3));
    EXPECT_FALSE(verdict.record(false, 2, 3));
    EXPECT_FALSE(verdict.record(true, 2, 3));
    EXPECT_FALSE(verdict.record(false, 2, 3));
    EXPECT_FALSE(verdict.record(false, 2, 3));
    EXPECT_EQ(verdict.streak(), 2u);
    EXPECT_TRUE(verdict.record(false, 2, 3));
    EXPECT_EQ(verdict.health(), Health::unhealthy);

    EXPECT_FALSE(verdict.record(true, 2, 3));
    EXPECT_FALSE(verdict.record(false, 2, 3));
    EXPECT_FALSE(verdict.record(true, 2, 3));
    EXPECT_TRUE(verdict.record(true, 2, 3));
    EXPECT_EQ(verdict.health(), Health::healthy);
}

TEST(Verdict, CountsAfreshAfterADecision) {
    Verdict verdict;
    EXPECT_TRUE(verdict.decide(Health::unhealthy));
    EXPECT_FALSE(verdict.record(true, 3, 3));
    EXPECT_FALSE(verdict.record(true, 3, 3));
    EXPECT_FALSE(verdict.decide(Health::unhealthy));
    EXPECT_FALSE(verdict.record(true, 3, 3));
    EXPECT_FALSE(verdict.record(true, 3, 3));
    EXPECT_TRUE(verdict.record(true, 3, 3));
}

TEST(MayRetry, TriesWithoutAConnectionAreFree) {
    EXPECT_TRUE(is_free(Failure::refused));
    EXPECT_TRUE(is_free(Failure::connect_failed));
    EXPECT_FALSE(is_free(Failure::connect_timeout));
    EXPECT_FALSE(is_free(Failure::reset_before_response));
    EXPECT_FALSE(is_free(Failure::response_timeout));
    EXPECT_FALSE(is_free(Failure::malformed_response));
    EXPECT_FALSE(is_free(Failure::local));
}

TEST(MayRetry, FollowsTheTable) {
    struct Row {
        Failure failure;
        bool unsent;           // any method, nothing sent, its body held
        bool sent_idempotent;  // and its body held
    };
    const Row rows[] = {
        {Failure::refused, true, true},          {Failure::connect_failed, true, true},
        {Failure::connect_timeout, true, true},  {Failure::reset_before_response, true, true},
        {Failure::response_timeout, true, true}, {Failure::malformed_response, true, false},
        {Failure::local, true, false},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(to_string(row.failure));
        for (const bool idempotent : {false, true})
            for (const bool held : {false, true}) {
                EXPECT_EQ(may_retry(row.failure, false, idempotent, held, 1, 2),
                          row.unsent && held);
                EXPECT_EQ(may_retry(row.failure, true, idempotent, held, 1, 2),
                          row.sent_idempotent && idempotent && held);
                EXPECT_FALSE(may_retry(row.failure, false, idempotent, held, 2, 2));
            }
    }
}

TEST(Failure, IsDescribedWithoutSayingItTwice) {
    EXPECT_EQ(describe(Failure::refused, "connection refused"), "connection refused");
    EXPECT_EQ(describe(Failure::refused, ""), "connection refused");
    EXPECT_EQ(describe(Failure::refused, "no such file or directory"), "no such file or directory");
    EXPECT_EQ(describe(Failure::connect_timeout, "no connection in time"), "connection timed out");
    EXPECT_EQ(describe(Failure::response_timeout, "no response in time"), "no response in time");
    EXPECT_EQ(describe(Failure::malformed_response, "a bare LF"), "malformed response (a bare LF)");
    EXPECT_EQ(describe(Failure::reset_before_response, ""), "closed before a response");
    EXPECT_EQ(describe(Failure::connect_failed, "no route to host"),
              "connection failed (no route to host)");
}

}  // namespace
}  // namespace otto
