// The screen of `ottoctl top`, as lines of text.

#include "ctl/top/top_view.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "ctl/console/text.h"
#include "ctl/top/short_names.h"

namespace otto::ctl {
namespace {

Fleet fleet_of(const std::vector<std::string>& names) {
    Json list = Json::list();
    for (std::size_t at = 0; at < names.size(); ++at) {
        Json server = Json::object();
        server.set("id", Json::string("id" + std::to_string(at)));
        server.set("name", Json::string(names[at]));
        server.set("state", Json::string("active"));
        server.set("health", Json::string(at % 3 == 1 ? "unhealthy" : "healthy"));
        server.set("why", Json::string(at % 3 == 1 ? "connection refused" : "healthy for 2 min"));
        server.set("healthForSeconds", Json::number(120));
        server.set("share", Json::decimal(at % 3 == 1 ? 0 : 0.5));
        server.set("requestsPerSecond", Json::number(100 * at));
        list.add(std::move(server));
    }
    Fleet fleet;
    fleet.set_servers(list);
    fleet.apply({"counters", "",
                 R"({"state":"running","uptimeSeconds":150,"requestsPerSecond":1234.5,"verdict":
                     {"tone":"warning","text":"2 of 3 servers receive requests"},
                     "errorsPerSecond":12.3,"latency":{"p50":0.4,"p90":2,"p99":31.4},"active":7,
                     "queued":2,"connections":40,"healthy":2,"total":3,"servers":[]
})"});
    return fleet;
}

std::string text_of(const Fleet& fleet, const View& view) {
    std::string text;
    for (const std::string& line : draw(fleet, view)) text += line + "\n";
    return text;
}

TEST(TopView, ShowsWhatCounts) {
    const std::string text =
        text_of(fleet_of({"one", "two", "three"}), {.columns = 120, .lines = 12});
    for (const char* part :
         {"running for 2 min", "2 of 3 servers receive requests", "requests 1234/s",
          "errors 12/s (1.0 %)", "p50 400µs", "p99 31.4ms", "7 in progress", "2 queued",
          "40 connections", "NAME", "TREND", "SHARE", "unhealthy: connection refused",
          "healthy for 2 min", "q quit"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(TopView, NoLineIsWiderThanTheScreenNorAreThereMore) {
    const Fleet fleet = fleet_of({"日本語日本語日本語日本語日本語", "e\u0301vil\x1b[2J\n\n\n", "",
                                  std::string(300, 'x'), "\xff\xfe", "\u202eabc"});
    for (std::size_t columns = 0; columns < 200; ++columns)
        for (const std::size_t lines : {1u, 2u, 5u, 6u, 7u, 8u, 24u}) {
            const auto drawn = draw(fleet, {.columns = columns, .lines = lines});
            EXPECT_LE(drawn.size(), lines);
            for (const std::string& line : drawn) {
                EXPECT_LE(columns_of(line), columns) << line;
                EXPECT_EQ(harmless(line, true), line);
            }
        }
}

TEST(TopView, WithoutUtf8ThereIsAsciiAlone) {
    const std::string text =
        text_of(fleet_of({"ä", "日本"}), {.columns = 160, .lines = 12, .utf8 = false});
    EXPECT_TRUE(std::ranges::all_of(text, [](char byte) { return byte >= 0; })) << text;
    EXPECT_NE(text.find("400us"), std::string::npos);
}

TEST(TopView, NarrowScreensDropColumns) {
    const Fleet fleet = fleet_of({"one", "two"});
    const std::string wide = draw(fleet, {.columns = 140})[4];
    const std::string narrow = draw(fleet, {.columns = 60})[4];
    EXPECT_NE(wide.find("RETRY/S"), std::string::npos);
    EXPECT_EQ(narrow.find("RETRY/S"), std::string::npos);
    EXPECT_EQ(narrow.find("TREND"), std::string::npos);
    for (const char* title : {"NAME", "REQ/S", "ERR/S", "STATE"})
        EXPECT_NE(narrow.find(title), std::string::npos) << title;
}

TEST(TopView, TheDefaultServersAreToldApartOn80Columns) {
    const Fleet fleet =
        fleet_of({"http://localhost:5001", "http://localhost:5002", "http://localhost:5003"});
    const auto drawn = draw(fleet, {.columns = 79, .lines = 24});
    EXPECT_TRUE(drawn[5].starts_with(":5001 ")) << drawn[5];
    EXPECT_TRUE(drawn[7].starts_with(":5003 ")) << drawn[7];
    EXPECT_NE(drawn[6].find("unhealthy: connection refused"), std::string::npos) << drawn[6];
    EXPECT_EQ(draw(fleet, {.columns = 150, .lines = 24})[5].find("http://localhost:5001"), 0u);
}

TEST(TopView, NamesWithoutACommonStartAreCutInTheMiddle) {
    const Fleet fleet = fleet_of({"http://app-one.example.org:5001", "unix:/run/app/http.sock",
                                  "http://app-one.example.org:5002"});
    const auto drawn = draw(fleet, {.columns = 79, .lines = 24});
    EXPECT_TRUE(drawn[5].starts_with("http://ap")) << drawn[5];
    EXPECT_NE(drawn[5].find(":5001  "), std::string::npos) << drawn[5];
    EXPECT_NE(drawn[7].find(":5002  "), std::string::npos) << drawn[7];
}

TEST(TopView, TheKeysFitOn80Columns) {
    std::vector<std::string> names(1000, "server");
    for (const std::size_t columns : {79u, 120u}) {
        const std::string keys = draw(fleet_of(names), {.columns = columns, .lines = 24}).back();
        EXPECT_NE(keys.find("? help"), std::string::npos) << keys;
        EXPECT_TRUE(keys.ends_with("o") || keys.ends_with("o none")) << keys;
    }
}

TEST(TopView, HelpStandsInForTheServersAndFits) {
    const auto drawn = draw(fleet_of({"one", "two"}), {.columns = 79, .lines = 24, .help = true});
    const std::string text = text_of(fleet_of({"one"}), {.columns = 79, .lines = 24, .help = true});
    for (const char* part : {"q, Ctrl-C", "sort by name", "RETRY/S", "TREND", "requests 1234/s"})
        EXPECT_NE(text.find(part), std::string::npos) << part;
    EXPECT_EQ(text.find("NAME"), std::string::npos);
    EXPECT_LE(drawn.size(), 24u);
    for (const std::string& line : drawn) EXPECT_FALSE(line.ends_with("…")) << line;
}

TEST(ShortNames, CommonStart) {
    EXPECT_EQ(common_start({}), 0u);
    EXPECT_EQ(common_start({"http://localhost:5001"}), 0u);
    EXPECT_EQ(common_start({"http://localhost:5001", "http://localhost:5002"}), 16u);
    EXPECT_EQ(common_start({"http://10.0.0.1:80", "http://10.0.0.2:80"}), 13u);
    EXPECT_EQ(common_start({"one", "other"}), 0u);
    EXPECT_EQ(common_start({"a:1", "unix:/x"}), 0u);
    EXPECT_EQ(common_start({"a:1", "a:1"}), 1u);
}

TEST(TopView, ScrollsAndSorts) {
    std::vector<std::string> names;
    for (int number = 0; number < 1000; ++number)
        names.push_back("server-" + std::to_string(number));
    const Fleet fleet = fleet_of(names);
    View view{.columns = 100, .lines = 16};
    EXPECT_EQ(rows_of(view), 10u);
    view.first = 990;
    const auto drawn = draw(fleet, view);
    ASSERT_EQ(drawn.size(), 16u);
    EXPECT_TRUE(drawn[5].starts_with("server-990 "));
    EXPECT_TRUE(drawn[14].starts_with("server-999 "));
    EXPECT_TRUE(drawn[15].starts_with("991-1000 of 1000 "));
    view = {.columns = 100, .lines = 16, .sort = Sort::requests};
    EXPECT_TRUE(draw(fleet, view)[5].starts_with("server-999 "));
}

TEST(TopView, ANoticeStandsInForTheState) {
    View view{.columns = 100, .lines = 16};
    view.notice = "cannot be reached";
    EXPECT_EQ(draw(fleet_of({"one"}), view)[0], "Otto cannot be reached");
}

TEST(TopView, OnceIsATableOfAll) {
    const Fleet fleet =
        fleet_of({"one", "a name of quite some length, more than a screen allows", "x"});
    const std::string text = print_once(fleet, {});
    EXPECT_NE(text.find("a name of quite some length, more than a screen allows  0%"),
              std::string::npos)
        << text;
    EXPECT_EQ(std::ranges::count(text, '\n'), 3 + 1 + 1 + 3);
}

}  // namespace
}  // namespace otto::ctl
