#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "balance/affinity.h"
#include "balance/candidates.h"
#include "balance/lease.h"
#include "balance/policy_ip_hash.h"
#include "members.h"

namespace otto {
namespace {

using namespace std::chrono_literals;
using Counts = std::vector<std::uint64_t>;

std::string name_of(const Policy* policy) {
    std::string name(policy->name);
    std::ranges::replace(name, '-', '_');
    return name;
}

std::vector<const Policy*> all_policies() {
    std::vector<const Policy*> all;
    for (const Policy& policy : policies()) all.push_back(&policy);
    return all;
}

/// What happens in a simulation: requests come, wait for one of the slots of the server that was
/// picked for them, are served, and go.
struct Setting {
    const Policy* policy = find_policy("round-robin");
    std::vector<std::uint32_t> shares{};
    std::vector<double> service_times{};  // means of exponential distributions, in milliseconds
    unsigned slots = 1;                   // requests that a server works on at once
    double arrivals = 0;  // per millisecond, at random; 0: `clients` come back at once for ever
    unsigned clients = 0;
    unsigned workers = 1;
    int requests = 100'000;
};

struct Outcome {
    Counts served;
    double mean_latency = 0;  // milliseconds
};

/// Runs in virtual time, and the same each time.
class Simulation {
  public:
    explicit Simulation(const Setting& setting)
        : setting_(setting),
          members_(members_of(setting.shares)),
          indices_(indices_of(members_)),
          queues_(members_.size()),
          outcome_{.served = Counts(members_.size())} {
        const auto candidates = Candidates::build(members_, {.policy = setting.policy}, 0);
        for (unsigned worker = 0; worker < setting.workers; ++worker)
            pickers_.emplace_back(candidates, worker, setting.workers);
    }

    Outcome run() {
        if (setting_.arrivals > 0) events_.push({0, Event::arrival, 0});
        for (unsigned client = 0; client < setting_.clients; ++client) arrive(0);
        while (arrived_ < setting_.requests || setting_.arrivals == 0) {
            const Event event = events_.top();
            events_.pop();
            if (event.server == Event::arrival) {
                arrive(event.at);
                events_.push({event.at + draw(1 / setting_.arrivals), Event::arrival, 0});
            } else {
                finish(event);
                if (setting_.arrivals > 0) continue;
                if (arrived_ == setting_.requests) break;
                arrive(event.at);
            }
        }
        outcome_.mean_latency /= static_cast<double>(finished_);
        return outcome_;
    }

  private:
    struct Event {
        static constexpr std::size_t arrival = std::numeric_limits<std::size_t>::max();
        double at;
        std::size_t server;  // where a request ends, or `arrival`
        double came;
        bool operator<(const Event& other) const { return at > other.at; }
    };
    struct Queue {
        std::queue<double> waiting;  // when they came
        unsigned working = 0;
    };

    static TimePoint time(double at) {
        return TimePoint(1h + std::chrono::nanoseconds(static_cast<std::int64_t>(at * 1e6)));
    }
    double draw(double mean) { return std::exponential_distribution<>(1 / mean)(random_); }

    void arrive(double at) {
        ++arrived_;
        const auto worker = random_() % pickers_.size();
        const Picked picked = pickers_[worker].pick({.client = random_(), .now = time(at)});
        const std::size_t index = indices_.at(picked.server);
        ASSERT_TRUE(picked.server->enter(0));
        ++outcome_.served[index];
        queues_[index].waiting.push(at);
        serve(index, at);
    }
    void serve(std::size_t index, double at) {
        Queue& queue = queues_[index];
        if (queue.waiting.empty() || queue.working == setting_.slots) return;
        ++queue.working;
        events_.push({at + draw(setting_.service_times[index]), index, queue.waiting.front()});
        queue.waiting.pop();
    }
    void finish(const Event& event) {
        --queues_[event.server].working;
        Server& server = *members_[event.server].server;
        server.leave();
        server.note_latency(time(event.at) - time(event.came), time(event.at));
        outcome_.mean_latency += event.at - event.came;
        ++finished_;
        serve(event.server, event.at);
    }

    const Setting setting_;
    std::vector<Member> members_;
    std::map<const Server*, std::size_t> indices_;
    std::vector<Queue> queues_;
    std::vector<Picker> pickers_;
    std::priority_queue<Event> events_;
    std::mt19937_64 random_{42};
    int arrived_ = 0;
    std::uint64_t finished_ = 0;
    Outcome outcome_;
};

double share_of(const Outcome& outcome, std::size_t index) {
    const auto total =
        std::accumulate(outcome.served.begin(), outcome.served.end(), std::uint64_t{0});
    return static_cast<double>(outcome.served[index]) / static_cast<double>(total);
}

TEST(Shares, AreTheWeightsOnEqualServers) {
    const std::vector<std::uint32_t> tables[] = {
        {1, 1, 1, 1, 1}, {1, 2, 3}, {5, 1, 1}, {10, 7, 3, 3, 2, 1}, {100, 1}, {3, 1, 1, 1, 8, 2}};
    for (const Policy* policy : {find_policy("round-robin"), find_policy("least-connections")})
        for (const auto& shares : tables)
            for (const unsigned clients : {1u, 2u, 7u, 64u, 500u})
                for (const unsigned workers : {1u, 3u}) {
                    SCOPED_TRACE(name_of(policy) + " " + std::to_string(clients) + " clients " +
                                 std::to_string(workers) + " workers");
                    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
                    const Outcome outcome =
                        Simulation({.policy = policy,
                                    .shares = shares,
                                    .service_times = std::vector<double>(shares.size(), 10),
                                    .slots = 10'000,
                                    .clients = clients,
                                    .workers = workers})
                            .run();
                    for (std::size_t i = 0; i < shares.size(); ++i)
                        EXPECT_NEAR(share_of(outcome, i), shares[i] / sum, 0.005) << i;
                }
}

/// Four equal servers and one, the last, that takes ten times as long.
Outcome with_a_slow_server(const Policy* policy, double arrivals, unsigned workers) {
    return Simulation({.policy = policy,
                       .shares = {1, 1, 1, 1, 1},
                       .service_times = {1, 1, 1, 1, 10},
                       .slots = 1,
                       .arrivals = arrivals,
                       .workers = workers})
        .run();
}

TEST(ASlowServer, GetsLittle) {
    for (const unsigned workers : {1u, 4u})
        for (const double arrivals : {2.0, 2.5, 3.2}) {
            SCOPED_TRACE(std::to_string(arrivals) + " a ms " + std::to_string(workers));
            EXPECT_LE(share_of(with_a_slow_server(find_policy("fastest"), arrivals, workers), 4),
                      0.05);
            EXPECT_LE(
                share_of(with_a_slow_server(find_policy("least-connections"), arrivals, workers),
                         4),
                0.10);
            EXPECT_LE(
                share_of(with_a_slow_server(find_policy("two-choices"), arrivals, workers), 4),
                0.10);
        }
}

TEST(ASlowServer, HardlySlowsDownFastest) {
    // Light load, under which round-robin's slow server can just keep up; and more.
    for (const double arrivals : {0.4, 1.0, 2.5}) {
        const double fastest = with_a_slow_server(find_policy("fastest"), arrivals, 1).mean_latency;
        const double round_robin =
            with_a_slow_server(find_policy("round-robin"), arrivals, 1).mean_latency;
        EXPECT_LE(fastest, round_robin / 3) << arrivals;
    }
}

TEST(Fastest, TriesAnUnknownServerOnceAndASlowOneInTime) {
    const auto members = members_of({1, 1});
    Server& known = *members[0].server;
    Server& other = *members[1].server;
    Picker picker(Candidates::build(members, {.policy = find_policy("fastest")}, 0), 0, 1);
    TimePoint now = TimePoint(1h);
    known.note_latency(10ms, now);

    EXPECT_EQ(picker.pick({.now = now}).server, &other) << "nothing is known of it";
    auto first = Lease::take(other, 0);
    EXPECT_EQ(picker.pick({.now = now}).server, &known) << "its first answer is awaited";
    first.reset();

    other.note_latency(100ms, now);
    int slow = 0;
    int picks = 0;
    const TimePoint end = now + 100s;
    for (; now < end; now += 100ms, ++picks) {
        Server* picked = picker.pick({.now = now}).server;
        picked->note_latency(picked == &other ? 100ms : 10ms, now);
        slow += picked == &other;
    }
    EXPECT_GE(slow, 3);
    EXPECT_LE(slow, picks / 100);
}

TEST(Fastest, FollowsAServerThatSpeedsUp) {
    const auto members = members_of({1, 1});
    Picker picker(Candidates::build(members, {.policy = find_policy("fastest")}, 0), 0, 1);
    TimePoint now = TimePoint(1h);
    members[0].server->note_latency(10ms, now);
    members[1].server->note_latency(50ms, now);
    for (int i = 0; i < 600; ++i, now += 100ms) {
        Server* picked = picker.pick({.now = now}).server;
        picked->note_latency(picked == members[0].server.get() ? 10ms : 1ms, now);
    }
    EXPECT_EQ(picker.pick({.now = now}).server, members[1].server.get());
}

TEST(First, FillsInConfiguredOrder) {
    auto members = members_of({1, 5, 1});
    members[0].max_connections = 2;
    members[1].max_connections = 1;
    Picker picker(Candidates::build(members, {.policy = find_policy("first")}, 0), 0, 1);
    std::vector<Lease> leases;
    for (const std::size_t expected : {0, 0, 1, 2, 2, 2}) {
        const Picked picked = picker.pick({});
        EXPECT_EQ(picked.server, members[expected].server.get());
        EXPECT_EQ(picked.saturated, expected > 0);
        leases.push_back(*Lease::take(*picked.server, picked.most));
    }
    leases.erase(leases.begin());
    EXPECT_EQ(picker.pick({}).server, members[0].server.get());
}

// ---- ip-hash -----------------------------------------------------------------------------------

constexpr std::uint64_t clients = 20'000;

std::vector<std::string> homes_of(const std::vector<Member>& members) {
    Picker picker(Candidates::build(members, {.policy = find_policy("ip-hash")}, 0), 0, 1);
    std::vector<std::string> homes;
    homes.reserve(clients);
    for (std::uint64_t client = 0; client < clients; ++client)
        homes.push_back(picker.pick({.client = client}).server->url);
    return homes;
}

TEST(IpHash, MovesOnlyTheClientsOfAServerThatLeaves) {
    auto members = members_of(std::vector<std::uint32_t>(10, 1));
    const auto before = homes_of(members);
    const std::string gone = members[3].server->url;
    members.erase(members.begin() + 3);
    const auto after = homes_of(members);
    Counts moved_to(members.size());
    for (std::size_t client = 0; client < clients; ++client) {
        if (before[client] == gone) {
            EXPECT_NE(after[client], gone);
        } else {
            ASSERT_EQ(after[client], before[client]);
        }
    }
    const auto share = static_cast<double>(std::count(before.begin(), before.end(), gone)) /
                       static_cast<double>(clients);
    EXPECT_NEAR(share, 0.1, 0.01);
}

TEST(IpHash, DoesNotMindTheOrderOfServersOrAScaleOfShares) {
    std::mt19937 random(11);
    auto members = members_of({1, 4, 2, 2, 9, 1, 1, 3});
    const auto before = homes_of(members);
    std::shuffle(members.begin(), members.end(), random);
    for (Member& member : members) member.share *= 10;
    EXPECT_EQ(homes_of(members), before);
}

TEST(IpHash, RespectsShares) {
    const std::vector<std::uint32_t> shares{1, 2, 3, 4, 10};
    const auto members = members_of(shares);
    const auto homes = homes_of(members);
    for (std::size_t i = 0; i < shares.size(); ++i) {
        const auto count = std::count(homes.begin(), homes.end(), members[i].server->url);
        EXPECT_NEAR(static_cast<double>(count) / clients, shares[i] / 20.0, 0.01) << i;
    }
}

TEST(IpHash, AShareThatGrowsOnlyDrawsClientsIn) {
    auto members = members_of({10, 10, 10, 1});
    const auto before = homes_of(members);
    members[3].share = 2;
    const auto after = homes_of(members);
    for (std::size_t client = 0; client < clients; ++client)
        ASSERT_TRUE(after[client] == before[client] || after[client] == members[3].server->url);
}

TEST(IpHash, PassesOnWhatIsOverTheBound) {
    const auto members = members_of(std::vector<std::uint32_t>(10, 1));
    Picker picker(Candidates::build(members, {.policy = find_policy("ip-hash")}, 0), 0, 1);
    Server* const home = picker.pick({.client = 5}).server;
    std::vector<Lease> leases;
    for (std::uint32_t i = 0; i < Rendezvous::least_bound; ++i) {
        ASSERT_EQ(picker.pick({.client = 5}).server, home) << "a few do not matter";
        leases.push_back(*Lease::take(*home, 0));
    }
    for (int i = 0; i < 992; ++i)
        leases.push_back(*Lease::take(*picker.pick({.client = 5}).server, 0));
    std::uint32_t most = 0;
    for (const Member& member : members) most = std::max(most, member.server->active());
    EXPECT_LE(most, 125u);
    EXPECT_EQ(home->active(), most);
    leases.clear();
    EXPECT_EQ(picker.pick({.client = 5}).server, home);
}

TEST(IpHash, KeepsAClientsSecondChoiceWhileTheFirstIsOut) {
    const auto members = members_of(std::vector<std::uint32_t>(10, 1));
    Picker picker(Candidates::build(members, {.policy = find_policy("ip-hash")}, 0), 0, 1);
    for (std::uint64_t client = 0; client < 100; ++client) {
        Server* tried[] = {picker.pick({.client = client}).server};
        Server* const second = picker.pick({.tried = tried, .client = client}).server;
        EXPECT_NE(second, tried[0]);
        EXPECT_EQ(picker.pick({.tried = tried, .client = client}).server, second);
    }
}

TEST(IpHash, RemembersOfManyServersWhatItWouldFindAnyway) {
    const auto members = members_of(std::vector<std::uint32_t>(500, 1));
    const auto candidates = Candidates::build(members, {.policy = find_policy("ip-hash")}, 0);
    Picker remembers(candidates, 0, 1);
    std::mt19937_64 random(14);
    std::vector<Lease> leases;
    for (int round = 0; round < 10'000; ++round) {
        const std::uint64_t client = random() % 20'000;
        Picker fresh(candidates, 0, 1);
        Server* const picked = remembers.pick({.client = client}).server;
        ASSERT_EQ(picked, fresh.pick({.client = client}).server);
        if (round % 100 == 0) leases.push_back(*Lease::take(*picked, 0));
        if (round % 1'000 == 0) picked->take_out();
    }
}

TEST(ClientKey, IsTheAddressOfIpv4AndTheNetworkOfIpv6) {
    const auto key = [](const char* ip, std::uint16_t port = 1) {
        return client_key(*Address::from_ip(ip, port));
    };
    EXPECT_EQ(key("192.0.2.1", 1), key("192.0.2.1", 2));
    EXPECT_NE(key("192.0.2.1"), key("192.0.2.2"));
    EXPECT_EQ(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
    EXPECT_NE(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    EXPECT_NE(key("::1"), key("127.0.0.1"));
    EXPECT_EQ(client_key(*Address::from_path("/a")), client_key(*Address::from_path("@b")));
}

TEST(Keys, AreTheSameEverywhere) {
    // Another machine's Otto must come to the same; a change here moves every client.
    EXPECT_EQ(client_key(*Address::from_ip("192.0.2.1", 80)), 3178573899526495306u);
    EXPECT_EQ(server_key("http://localhost:5001"), 10797269580086667953u);
}

// ---- what holds for every policy ---------------------------------------------------------------

class AnyPolicy : public testing::TestWithParam<const Policy*> {};

TEST_P(AnyPolicy, GivesOnlyUsableServersAndNobodyOnlyWhenNobodyIs) {
    std::mt19937 random(12);
    const auto below = [&random](std::size_t end) { return static_cast<unsigned>(random() % end); };
    const auto one_in = [&below](unsigned n) { return below(n) == 0; };
    for (int round = 0; round < 400; ++round) {
        std::vector<std::uint32_t> shares(1 + below(one_in(4) ? 300 : 12));
        for (std::uint32_t& share : shares) share = 1 + below(one_in(2) ? 1 : 1'000);
        auto members = members_of(shares);
        std::vector<Lease> leases;
        const unsigned crowd = 1 + below(6);
        for (Member& member : members) {
            if (one_in(2)) member.max_connections = 1 + below(2);
            if (!one_in(crowd)) continue;
            leases.push_back(*Lease::take(*member.server, 0));
            leases.push_back(*Lease::take(*member.server, 0));
        }
        const bool failing_open = one_in(3);
        const auto candidates = Candidates::build(
            members,
            {.policy = GetParam(), .failing_open = failing_open, .unhealthy = failing_open},
            random());
        Picker picker(candidates, below(3), 3);
        for (Member& member : members)
            if (one_in(crowd)) member.server->take_out();
        constexpr TimePoint time(1h);
        for (Member& member : members)
            if (one_in(crowd)) member.server->note_connect_failure(time - 100ms * below(20));

        for (int pick = 0; pick < 30; ++pick) {
            std::vector<Server*> tried;
            while (tried.size() < members.size() && one_in(2))
                tried.push_back(members[below(members.size())].server.get());
            const auto out = [&](const Member& member) {
                return (!failing_open && member.server->health() == Health::unhealthy) ||
                       std::find(tried.begin(), tried.end(), member.server.get()) != tried.end();
            };
            const auto full = [](const Member& member) {
                return member.max_connections != 0 &&
                       member.server->active() >= member.max_connections;
            };
            const auto usable = [&](const Member& each) { return !out(each) && !full(each); };
            const Picked picked =
                picker.pick({.tried = tried,
                             .client = random(),
                             .wanted = one_in(3) ? members[0].server.get() : nullptr,
                             .now = time});
            const auto rested = [time](const Member& member) {
                return !member.server->unreachable_since(time - 1s);
            };
            if (picked.server == nullptr) {
                EXPECT_TRUE(std::none_of(members.begin(), members.end(), usable));
                EXPECT_EQ(picked.outdated,
                          !failing_open &&
                              std::any_of(members.begin(), members.end(), [](const Member& each) {
                                  return each.server->health() == Health::unhealthy;
                              }));
                EXPECT_EQ(picked.saturated,
                          std::any_of(members.begin(), members.end(), [&](const Member& each) {
                              return !out(each) && full(each);
                          }));
                continue;
            }
            const auto found = std::find_if(
                members.begin(), members.end(),
                [&picked](const Member& each) { return each.server.get() == picked.server; });
            ASSERT_NE(found, members.end());
            EXPECT_TRUE(usable(*found));
            const bool any_rested =
                std::any_of(members.begin(), members.end(),
                            [&](const Member& each) { return usable(each) && rested(each); });
            EXPECT_TRUE(!failing_open || !any_rested || rested(*found))
                << "one that refused a moment ago comes last";
            EXPECT_EQ(picked.most, found->max_connections);
            EXPECT_FALSE(picked.half_open);
            if (one_in(8)) picked.server->note_latency(std::chrono::microseconds(random()), {});
        }
    }
}

TEST_P(AnyPolicy, PrefersTheWantedServer) {
    auto members = members_of(std::vector<std::uint32_t>(40, 1));
    members[7].max_connections = 1;
    Picker picker(Candidates::build(members, {.policy = GetParam()}, 0), 0, 1);
    Server* const wanted = members[7].server.get();
    for (std::uint64_t client = 0; client < 50; ++client)
        EXPECT_EQ(picker.pick({.client = client, .wanted = wanted}).server, wanted);
    Server stranger("http://a:1", "a:1", "", {});
    EXPECT_NE(picker.pick({.wanted = &stranger}).server, &stranger);
    const auto lease = Lease::take(*wanted, 1);
    EXPECT_NE(picker.pick({.wanted = wanted}).server, wanted) << "it is full";
}

TEST_P(AnyPolicy, GivesATrialOnce) {
    const auto members = members_of({1, 1});
    const Member half_open = members_of({1, 1, 1})[2];
    Server* const ejected = half_open.server.get();
    Picker picker(Candidates::build(members, {.policy = GetParam(), .half_open = {half_open}}, 0),
                  0, 1);
    EXPECT_NE(picker.pick({}).server, ejected) << "not offered";
    ejected->offer_probe_request();
    Server* tried[] = {members[0].server.get()};
    EXPECT_FALSE(picker.pick({.tried = tried}).half_open) << "not for a second try";
    const Picked picked = picker.pick({.wanted = members[0].server.get()});
    EXPECT_EQ(picked.server, ejected);
    EXPECT_TRUE(picked.half_open);
    EXPECT_FALSE(picker.pick({}).half_open);
    ejected->offer_probe_request();
    ejected->take_out();
    EXPECT_FALSE(picker.pick({}).half_open) << "it is known to be out";
}

TEST_P(AnyPolicy, GivesATrialWhenNobodyElseIsLeft) {
    const Member half_open = members_of({1})[0];
    Picker picker(Candidates::build({}, {.policy = GetParam(), .half_open = {half_open}}, 0), 0, 1);
    EXPECT_EQ(picker.pick({}).server, nullptr);
    half_open.server->offer_probe_request();
    EXPECT_EQ(picker.pick({}).server, half_open.server.get());
}

TEST_P(AnyPolicy, GivesNoTrialBeyondMaxConnections) {
    Member half_open = members_of({1, 1, 1})[2];
    half_open.max_connections = 1;
    Picker picker(
        Candidates::build(members_of({1, 1}), {.policy = GetParam(), .half_open = {half_open}}, 0),
        0, 1);
    half_open.server->offer_probe_request();
    {
        const auto lease = Lease::take(*half_open.server, 1);
        EXPECT_FALSE(picker.pick({}).half_open);
    }
    const Picked picked = picker.pick({});
    EXPECT_TRUE(picked.half_open) << "the offer stands";
    EXPECT_EQ(picked.most, 1u);
}

TEST_P(AnyPolicy, SpreadsOverThousands) {
    std::vector<std::uint32_t> shares(10'000);
    for (std::size_t i = 0; i < shares.size(); ++i) shares[i] = i < 5'000 ? 1 : 3;
    const auto members = members_of(shares);
    const auto indices = indices_of(members);
    Picker picker(Candidates::build(members, {.policy = GetParam()}, 0), 0, 1);
    std::mt19937_64 random(13);
    constexpr std::uint64_t picks = 20'000;
    Counts counts(members.size());
    for (std::uint64_t pick = 0; pick < picks; ++pick)
        ++counts[indices.at(picker.pick({.client = random(), .now = TimePoint(1h)}).server)];
    if (GetParam() == find_policy("first")) {
        EXPECT_EQ(counts[0], picks);
        return;
    }
    const auto light = std::accumulate(counts.begin(), counts.begin() + 5'000, std::uint64_t{0});
    // Of servers that are all idle, fastest would rather have the strong ones.
    if (GetParam() != find_policy("fastest")) {
        EXPECT_NEAR(static_cast<double>(light) / picks, 0.25, 0.02);
    }
    EXPECT_LE(*std::max_element(counts.begin(), counts.end()), 20u);
}

INSTANTIATE_TEST_SUITE_P(Policies, AnyPolicy, testing::ValuesIn(all_policies()),
                         [](const auto& test) { return name_of(test.param); });

// ---- load --------------------------------------------------------------------------------------

TEST(Lease, CountsAsLongAsItLives) {
    Server server("http://a:1", "a:1", "", {});
    {
        auto one = Lease::take(server, 2);
        auto two = Lease::take(server, 2);
        EXPECT_EQ(server.active(), 2u);
        EXPECT_FALSE(Lease::take(server, 2));
        EXPECT_EQ(server.active(), 2u);
        Lease moved = std::move(*one);
        one.reset();
        EXPECT_EQ(server.active(), 2u);
        moved = std::move(*two);
        two.reset();
        EXPECT_EQ(server.active(), 1u);
    }
    EXPECT_EQ(server.active(), 0u);
}

TEST(Lease, NeverGoesOverTheLimitNorTurnsAwayForNothing) {
    Server server("http://a:1", "a:1", "", {});
    constexpr unsigned threads = 4;
    std::atomic<std::uint32_t> highest{0};
    std::atomic<int> refused{0};
    const auto run = [&](unsigned most) {
        std::vector<std::thread> pool;
        for (unsigned i = 0; i < threads; ++i)
            pool.emplace_back([&, most] {
                for (int round = 0; round < 20'000; ++round) {
                    const auto lease = Lease::take(server, most);
                    refused += !lease;
                    if (server.active() > highest) highest = server.active();
                }
            });
        for (std::thread& thread : pool) thread.join();
    };
    run(threads);
    EXPECT_EQ(refused, 0);
    highest = 0;
    run(2);
    EXPECT_LE(highest, 2u);
    EXPECT_EQ(server.active(), 0u);
}

TEST(Server, CountsErrorsInARow) {
    Server server("http://a:1", "a:1", "", {});
    EXPECT_EQ(server.note_error(), 1u);
    EXPECT_EQ(server.note_error(), 2u);
    server.note_success();
    EXPECT_EQ(server.note_error(), 1u);
}

TEST(Server, RemembersPeaksOfLatencyAndForgetsInTime) {
    Server server("http://a:1", "a:1", "", {});
    const TimePoint start = TimePoint(1h);
    EXPECT_EQ(server.latency(start), 0ns);
    server.note_latency(10ms, start);
    EXPECT_EQ(server.latency(start), 10ms);
    server.note_latency(50ms, start + 1ms);
    EXPECT_EQ(server.latency(start + 1ms), 50ms) << "a slower sample counts at once";
    server.note_latency(10ms, start + 2ms);
    EXPECT_GT(server.latency(start + 2ms), 49ms) << "a faster one hardly";
    server.note_latency(10ms, start + 10s);
    EXPECT_NEAR(static_cast<double>(server.latency(start + 10s).count()), 24.7e6, 1e5);
    EXPECT_EQ(server.latency(start), server.latency(start + 10s)) << "a clock that lags behind";
    EXPECT_LT(server.latency(start + 60s), 1ms);
    EXPECT_EQ(server.latency(start + 300s), 0ns) << "nothing is known any more";
}

TEST(Server, GivesATrialToOneThreadOnly) {
    Server server("http://a:1", "a:1", "", {});
    EXPECT_FALSE(server.take_probe_request());
    for (int round = 0; round < 200; ++round) {
        server.offer_probe_request();
        std::atomic<int> takers{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&] { takers += server.take_probe_request() ? 1 : 0; });
        for (std::thread& thread : threads) thread.join();
        ASSERT_EQ(takers, 1);
    }
}

}  // namespace
}  // namespace otto
