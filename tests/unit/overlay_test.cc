#include "config/overlay.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "config/json.h"
#include "config/load.h"

namespace otto {

namespace {

Json json(std::string_view text) {
    auto parsed = Json::parse(text);
    EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message);
    return parsed ? *parsed : Json{};
}

std::string merged(std::string_view target, std::string_view patch) {
    return merge_patch(json(target), json(patch)).compact();
}

std::string laid(std::string_view document, std::string_view patch) {
    return lay_over(json(document), json(patch)).document.compact();
}

constexpr std::string_view file = R"({"port": ":8080", "servers": ["http://a", )"
                                  R"({"url": "http://B:90/", "name": "b", "weight": 2}], )"
                                  R"("timeouts": {"drain": "3s"}})";

}  // namespace

TEST(Json, ReadsAndWritesWhatItRead) {
    for (const char* text : {R"({"a":[1,2.5e3,-0,true,false,null],"b":{"c":"\u00e4\"\\\n"}})", "[]",
                             "{}", "\"x\"", "12345678901234567890123", "[[],{}]"})
        EXPECT_EQ(json(json(text).compact()).compact(), json(text).compact()) << text;
    EXPECT_EQ(json(R"({"a":[1,2.50,-0]})").compact(), R"({"a":[1,2.50,-0]})");
}

TEST(Json, RefusesDuplicateKeysAndWhatIsNoJson) {
    EXPECT_EQ(Json::parse("{\"a\":1,\n \"a\":2}").error().message,
              "line 2, column 2: duplicate key \"a\"");
    EXPECT_TRUE(Json::parse("{\"a\":1,}").error().message.starts_with("line 1, column 8: "));
    for (const char* text : {"", "{", "nul", "{'a':1}", "1 2", "\"\\ud800\""})
        EXPECT_FALSE(Json::parse(text)) << text;
}

TEST(Json, PrettyIsReadByPeopleAndHoldsTheSame) {
    const Json document = json(file);
    EXPECT_EQ(document.pretty(), R"({
  "port": ":8080",
  "servers": [
    "http://a",
    { "url": "http://B:90/", "name": "b", "weight": 2 }
  ],
  "timeouts": { "drain": "3s" }
}
)");
    EXPECT_EQ(json(document.pretty()), document);
}

// The examples of RFC 7396, appendix A.
TEST(MergePatch, DoesTheExamplesOfTheRfc) {
    const char* const examples[][3] = {
        {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
        {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
        {R"({"a":"b"})", R"({"a":null})", "{}"},
        {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
        {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
        {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
        {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
        {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
        {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
        {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
        {R"({"a":"foo"})", "null", "null"},
        {R"({"a":"foo"})", R"("bar")", R"("bar")"},
        {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
        {"[1,2]", R"({"a":"b","c":null})", R"({"a":"b"})"},
        {"{}", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
    };
    for (const auto& example : examples)
        EXPECT_EQ(merged(example[0], example[1]), example[2]) << example[0] << " " << example[1];
}

TEST(Overlay, ServersAreChangedByName) {
    EXPECT_EQ(laid(file, R"({"servers":{"b":{"weight":5}}})"),
              R"({"port":":8080","servers":["http://a",{"url":"http://B:90/","name":"b",)"
              R"("weight":5}],"timeouts":{"drain":"3s"}})");
    EXPECT_EQ(laid(R"({"servers":["http://a","http://b"]})",
                   R"({"servers":{"HTTP://A:80/":{"state":"drain"}}})"),
              R"({"servers":[{"url":"http://a","state":"drain"},"http://b"]})");
}

TEST(Overlay, ServersAreAddedLastAndRemovedByNull) {
    EXPECT_EQ(laid(R"({"servers":["http://a","http://b"]})",
                   R"({"servers":{"http://a":null,"http://c":{"url":"http://c"},)"
                   R"("d":{"url":"unix:/d"}}})"),
              R"({"servers":["http://b","http://c",{"url":"unix:/d","name":"d"}]})");
    EXPECT_EQ(laid(R"({"servers":["http://a"]})", R"({"servers":{"http://z":null}})"),
              R"({"servers":["http://a"]})");
}

TEST(Overlay, AListReplacesAllServers) {
    EXPECT_EQ(laid(R"({"servers":["http://a","http://b"]})", R"({"servers":["http://c"]})"),
              R"({"servers":["http://c"]})");
}

TEST(Overlay, ChangesOfServersThatAreGoneAreLeftOut) {
    const Laid result =
        lay_over(json(R"({"servers":["http://a"]})"),
                 json(R"({"servers":{"http://gone":{"weight":3}},"balance":"first"})"));
    EXPECT_EQ(result.document.compact(), R"({"servers":["http://a"],"balance":"first"})");
    EXPECT_EQ(result.unused, std::vector<std::string>{"http://gone"});
}

TEST(Overlay, TheDifferenceIsAsSmallAsItCanBe) {
    const auto between = [](std::string_view from, std::string_view to) {
        return overlay_between(json(from), json(to)).compact();
    };
    EXPECT_EQ(between(file, file), "{}");
    EXPECT_EQ(between(R"({"servers":["http://a"]})", R"({"servers":[{"url":"http://a"}]})"), "{}");
    EXPECT_EQ(between(R"({"servers":["http://a","http://b"],"timeouts":{"drain":"1s"}})",
                      R"({"servers":[{"url":"http://a","weight":2}],"timeouts":{}})"),
              R"({"timeouts":{"drain":null},"servers":{"http://b:80":null,)"
              R"("http://a:80":{"weight":2}}})");
}

// A server that is taken away and added anew has nothing left of what the file says of it.
TEST(Overlay, AServerThatComesAgainStartsAnew) {
    const Json before = json(R"({"servers":[{"url":"http://a","weight":7},"http://b"]})");
    Json document = lay_over(before, json(R"({"servers":{"http://a":null}})")).document;
    document = lay_over(document, json(R"({"servers":{"http://a":{"url":"http://a"}}})")).document;
    const Json overlay = overlay_between(before, document);
    EXPECT_EQ(overlay.compact(), R"({"servers":{"http://a:80":{"weight":null}}})");
    EXPECT_EQ(parse_config(lay_over(before, overlay).document.compact(), "f")
                  .config.servers.front()
                  .weight,
              1U);
}

TEST(Overlay, RandomChangesSurviveTheWayThroughTheOverlay) {
    Random random(20261123);
    const auto below = [&random](std::uint64_t limit) { return random.next() % limit; };
    for (int round = 0; round < 300; ++round) {
        Json original = Json::object();
        Json servers = Json::list();
        for (std::uint64_t at = 0; at < 1 + below(6); ++at)
            servers.add(Json::string("http://s" + std::to_string(at)));
        original.set("servers", std::move(servers));
        if (below(2) == 0) original.set("balance", Json::string("first"));
        Json document = original;
        Json overlay = Json::object();
        for (int step = 0; step < 20; ++step) {
            const std::string url = "http://s" + std::to_string(below(9)) + ":80";
            Json change;
            if (below(3) == 0) {
                change = Json{};
            } else {
                change = Json::object();
                change.set("url", Json::string(url));
                change.set("weight", below(3) == 0 ? Json{} : Json::number(1 + below(4)));
            }
            Json patch = Json::object();
            patch.set("servers", Json::object().set(url, std::move(change)));
            if (below(4) == 0)
                patch.set("workers", below(2) == 0 ? Json{} : Json::number(below(3)));
            document = lay_over(document, patch).document;
            overlay = overlay_between(original, document);
            // As a reload or a restart has it.
            const Json again = lay_over(original, json(overlay.compact())).document;
            const LoadedConfig one = parse_config(document.compact(), "f");
            const LoadedConfig other = parse_config(again.compact(), "f");
            ASSERT_EQ(one.config.workers, other.config.workers);
            ASSERT_EQ(one.config.servers.size(), other.config.servers.size());
            for (const ServerConfig& server : one.config.servers)
                ASSERT_NE(
                    std::find(other.config.servers.begin(), other.config.servers.end(), server),
                    other.config.servers.end())
                    << overlay.compact();
            ASSERT_EQ(lay_over(original, overlay_between(original, again)).document, again);
            document = again;
        }
    }
}

TEST(Overlay, AWholeListKeepsItsOrder) {
    const Json before = json(R"({"servers":["http://a","http://b"]})");
    const Json wanted = json(R"({"servers":["http://b","http://a"]})");
    EXPECT_EQ(lay_over(before, overlay_between(before, wanted, true)).document, wanted);
}

}  // namespace otto
