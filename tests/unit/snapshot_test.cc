#include "proxy/snapshot.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace otto {
namespace {

Address ip(const std::string& text, std::uint16_t port = 0) {
    return *Address::from_ip(text, port);
}

ServerConfig server(const std::string& host, std::uint16_t port = 80) {
    ServerConfig config;
    config.host = host;
    config.port = port;
    config.url = "http://" + host + ":" + std::to_string(port);
    config.name = config.url;
    return config;
}

ServerConfig expanded(const std::string& host) {
    ServerConfig config = server(host);
    config.expand = true;
    config.name = "app";
    return config;
}

Config config_of(std::vector<ServerConfig> servers) {
    Config config;
    config.servers = std::move(servers);
    return config;
}

NameAnswers answer(const std::string& name, std::vector<Address> addresses,
                   std::string trouble = "") {
    return {{name, {std::move(addresses), std::move(trouble)}}};
}

std::vector<std::string> urls(const Snapshot& snapshot) {
    std::vector<std::string> list;
    for (const Member& member : snapshot.members()) list.push_back(member.server->url);
    return list;
}

using Texts = std::vector<std::string>;

TEST(Snapshot, KnowsAddressesThatNeedNoLookup) {
    ServerConfig by_path = server("");
    by_path.socket_path = "/run/app.sock";
    by_path.url = "unix:/run/app.sock";
    const Config config = config_of(
        {server("192.0.2.1"), server("app"), by_path, server("app", 81), server("2001:db8::1")});
    EXPECT_EQ(names_of(config), Texts{"app"});
    const SnapshotBuild build = make_snapshot(config, nullptr, {});
    const auto& members = build.snapshot->members();
    ASSERT_EQ(members.size(), 5u);
    EXPECT_EQ(members[0].server->addresses, std::vector{ip("192.0.2.1", 80)});
    EXPECT_TRUE(members[1].server->addresses.empty());
    EXPECT_EQ(members[2].server->addresses.front().text(), "unix:/run/app.sock");
    EXPECT_EQ(members[4].server->host, "[2001:db8::1]");
    EXPECT_TRUE(build.unresolved.empty()) << "there is still hope";
    EXPECT_EQ(build.snapshot->generation, 1u);
}

TEST(Snapshot, HasCandidatesFromTheStartAndTakesThemOver) {
    const Config config = config_of({server("192.0.2.1"), server("192.0.2.2")});
    const auto first = make_snapshot(config, nullptr, {}).snapshot;
    EXPECT_TRUE(first->candidates().empty());
    EXPECT_FALSE(first->candidates().settled()) << "requests wait for the first verdicts";

    const auto balanced = with_candidates(*first, Candidates::build(first->members(), {}, 0));
    EXPECT_EQ(balanced->candidates().size(), 2u);
    EXPECT_TRUE(same_servers(*balanced, *first));
    EXPECT_EQ(&balanced->config, &first->config) << "nothing is copied";
    EXPECT_EQ(&balanced->members(), &first->members());

    const auto second = make_snapshot(config, balanced.get(), {}).snapshot;
    EXPECT_EQ(&second->candidates(), &balanced->candidates());
    EXPECT_FALSE(same_servers(*second, *balanced));
}

TEST(Snapshot, RoutesEachRequestToThePool) {
    const auto snapshot = make_snapshot(config_of({server("192.0.2.1")}), nullptr, {}).snapshot;
    const Pool& pool = snapshot->pool_of(snapshot->router.find({}));
    EXPECT_EQ(pool.members->size(), 1u);
    EXPECT_EQ(*snapshot->servers, std::vector{pool.members->front().server->id});
}

TEST(Snapshot, TakesOverWhatTheConfigurationSays) {
    ServerConfig each = server("192.0.2.1");
    each.weight = 7;
    each.backup = true;
    each.max_connections = 9;
    each.state = ServerState::drain;
    each.name = "first";
    const auto snapshot = make_snapshot(config_of({each}), nullptr, {}).snapshot;
    const Member& member = snapshot->members().front();
    EXPECT_EQ(member.weight, 7u);
    EXPECT_TRUE(member.backup);
    EXPECT_EQ(member.max_connections, 9u);
    EXPECT_EQ(member.state, ServerState::drain);
    EXPECT_EQ(member.name, "first");
}

TEST(Snapshot, ServersThatStayAreTakenOver) {
    const auto before =
        make_snapshot(config_of({server("192.0.2.1"), server("192.0.2.2")}), nullptr, {}).snapshot;
    const auto after =
        make_snapshot(config_of({server("192.0.2.3"), server("192.0.2.2")}), before.get(), {})
            .snapshot;
    EXPECT_EQ(after->members()[1].server, before->members()[1].server);
    EXPECT_EQ(after->generation, 2u);
}

TEST(Snapshot, TellsWhichNamesHaveNoAddressAndWhy) {
    const SnapshotBuild build =
        make_snapshot(config_of({server("app"), server("app", 81), expanded("other")}), nullptr,
                      {{"app", {{}, "no such name"}}, {"other", {{}, "hung"}}});
    ASSERT_EQ(build.unresolved.size(), 3u);
    EXPECT_EQ(build.unresolved[0].server, build.snapshot->members()[0].server);
    EXPECT_EQ(build.unresolved[1].reason, "no such name");
    EXPECT_EQ(build.unresolved[2].reason, "hung");
    EXPECT_EQ(build.snapshot->members()[2].name, "app");
}

TEST(Snapshot, ANameGetsItsAddressesWithItsPort) {
    const auto before = make_snapshot(config_of({server("app", 81)}), nullptr, {}).snapshot;
    const auto after = renew_snapshot(*before, answer("app", {ip("::1"), ip("127.0.0.1")}));
    ASSERT_TRUE(after.snapshot);
    const Server& server = *after.snapshot->members().front().server;
    EXPECT_EQ(server.addresses, (std::vector{ip("::1", 81), ip("127.0.0.1", 81)}));
    EXPECT_EQ(server.url, "http://app:81");
    EXPECT_EQ(server.host, "app:81");
    EXPECT_NE(after.snapshot->members().front().server, before->members().front().server);
    EXPECT_EQ(after.snapshot->generation, before->generation);
}

TEST(Snapshot, NothingNewIsNoNewSnapshot) {
    const Config config = config_of({server("app"), server("none")});
    NameAnswers answers = answer("app", {ip("192.0.2.1"), ip("192.0.2.2")});
    const auto before = make_snapshot(config, nullptr, answers).snapshot;
    answers["app"].addresses = {ip("192.0.2.2"), ip("192.0.2.1")};
    answers["none"].trouble = "no such name";
    const SnapshotBuild after = renew_snapshot(*before, answers);
    EXPECT_FALSE(after.snapshot);
    ASSERT_EQ(after.unresolved.size(), 1u);
    EXPECT_EQ(after.unresolved.front().server, before->members()[1].server);
}

TEST(Snapshot, AServerGoesOnWhereItAnswers) {
    const Config config = config_of({server("app")});
    const auto before =
        make_snapshot(config, nullptr, answer("app", {ip("192.0.2.1"), ip("192.0.2.2")})).snapshot;
    Server& server = *before->members().front().server;
    server.set_preferred(1);
    const NameAnswers moved = answer("app", {ip("192.0.2.2"), ip("192.0.2.3")});
    const NameAnswers left = answer("app", {ip("192.0.2.1"), ip("192.0.2.3")});

    server.set_health(Health::healthy);
    EXPECT_FALSE(renew_snapshot(*before, moved).snapshot);
    EXPECT_TRUE(renew_snapshot(*before, left).snapshot);
    server.set_health(Health::unhealthy);
    const auto after = renew_snapshot(*before, moved).snapshot;
    ASSERT_TRUE(after);
    EXPECT_EQ(after->members().front().server->health(), Health::unknown);
    EXPECT_EQ(after->members().front().server->addresses.front(), ip("192.0.2.2", 80));
}

TEST(Snapshot, AServerThatFollowsAnotherGoesOnCounting) {
    const Config config = config_of({server("app")});
    const auto before = make_snapshot(config, nullptr, answer("app", {ip("192.0.2.1")})).snapshot;
    const auto after = renew_snapshot(*before, answer("app", {ip("192.0.2.3")})).snapshot;
    EXPECT_NE(after->members()[0].server, before->members()[0].server);
    EXPECT_EQ(after->members()[0].server->metrics, before->members()[0].server->metrics);
}

TEST(Snapshot, ExpandsANameIntoItsAddresses) {
    ServerConfig app = expanded("app");
    app.base_path = "/api";
    app.weight = 3;
    const auto snapshot =
        make_snapshot(config_of({app, server("192.0.2.9")}), nullptr,
                      answer("app", {ip("192.0.2.2"), ip("2001:db8::1"), ip("192.0.2.1")}))
            .snapshot;
    EXPECT_EQ(urls(*snapshot), (Texts{"http://192.0.2.1:80/api", "http://192.0.2.2:80/api",
                                      "http://[2001:db8::1]:80/api", "http://192.0.2.9:80"}));
    const Member& first = snapshot->members().front();
    EXPECT_EQ(first.name, "app (192.0.2.1)");
    EXPECT_EQ(first.weight, 3u);
    EXPECT_EQ(first.server->host, "app");
    EXPECT_EQ(first.server->base_path, "/api");
    EXPECT_EQ(first.server->addresses, std::vector{ip("192.0.2.1", 80)});
}

TEST(Snapshot, ExpandedServersComeAndGoByThemselves) {
    const auto before = make_snapshot(config_of({expanded("app")}), nullptr,
                                      answer("app", {ip("192.0.2.1"), ip("192.0.2.2")}))
                            .snapshot;
    EXPECT_FALSE(
        renew_snapshot(*before, answer("app", {ip("192.0.2.2"), ip("192.0.2.1")})).snapshot);
    const auto after =
        renew_snapshot(*before, answer("app", {ip("192.0.2.3"), ip("192.0.2.2")})).snapshot;
    ASSERT_TRUE(after);
    EXPECT_EQ(urls(*after), (Texts{"http://192.0.2.2:80", "http://192.0.2.3:80"}));
    EXPECT_EQ(after->members().front().server, before->members().back().server);
}

TEST(Snapshot, AnAddressIsOneServerHoweverOftenItIsNamed) {
    const auto snapshot =
        make_snapshot(config_of({expanded("app"), expanded("other"), server("192.0.2.2")}), nullptr,
                      {{"app", {{ip("192.0.2.1"), ip("192.0.2.2")}, ""}},
                       {"other", {{ip("192.0.2.1"), ip("192.0.2.3")}, ""}}})
            .snapshot;
    EXPECT_EQ(urls(*snapshot),
              (Texts{"http://192.0.2.1:80", "http://192.0.2.3:80", "http://192.0.2.2:80"}));
    EXPECT_EQ(snapshot->members()[2].server->host, "192.0.2.2");
}

TEST(Snapshot, AServerWithAnotherHostFieldIsAnotherServer) {
    const auto before = make_snapshot(config_of({server("192.0.2.1")}), nullptr, {}).snapshot;
    const auto after =
        make_snapshot(config_of({expanded("app")}), before.get(), answer("app", {ip("192.0.2.1")}))
            .snapshot;
    EXPECT_EQ(urls(*after), urls(*before));
    EXPECT_NE(after->members().front().server, before->members().front().server);
}

TEST(Snapshot, ANameGrowsOnlySoFar) {
    std::vector<Address> many;
    for (unsigned i = 0; i < 1500; ++i)
        many.push_back(ip("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256)));
    const auto snapshot =
        make_snapshot(config_of({expanded("app")}), nullptr, answer("app", many)).snapshot;
    EXPECT_EQ(snapshot->members().size(), 1000u);
}

}  // namespace
}  // namespace otto
