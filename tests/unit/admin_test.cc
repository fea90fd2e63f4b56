// The pure parts of the admin API: what it says about servers, tags, events.

#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "admin/access.h"
#include "admin/condition.h"
#include "admin/deeds.h"
#include "admin/event_log.h"
#include "admin/events.h"
#include "admin/overlay/changes.h"
#include "admin/overlay/overlay_fit.h"
#include "admin/plain_message.h"
#include "admin/preconditions.h"
#include "admin/problem.h"
#include "admin/render.h"
#include "base/random.h"
#include "members.h"

namespace otto::admin {
namespace {

using namespace std::chrono_literals;

Member member(Health health = Health::healthy) {
    Member made{.server =
                    std::make_shared<Server>("http://a:80", "a:80", "", std::vector<Address>{})};
    made.name = "a";
    made.server->set_health(health);
    return made;
}

Condition healthy() {
    Condition condition;
    condition.reason = "2 checks passed";
    condition.health_for = 130s;
    condition.share = 0.5;
    return condition;
}

// ---- what was done, and by whom ----------------------------------------------------------------

std::string deed(const char* before, const char* after) {
    return describe_deed(*Json::parse(before), *Json::parse(after));
}

TEST(Deeds, EachHasItsVerb) {
    constexpr const char* two = R"({"servers": ["http://a", {"url": "http://b", "name": "b"}]})";
    const auto becomes = [two](const char* a, const char* b) {
        return deed(two, fmt::format(R"({{"servers": [{}, {}]}})", a, b).c_str());
    };
    constexpr const char* same = R"({"url": "http://b", "name": "b"})";
    EXPECT_EQ(becomes(R"({"url": "http://a", "state": "drain"})", same), "drained http://a:80");
    EXPECT_EQ(becomes(R"("http://a")", R"({"url": "http://b", "name": "b", "state": "disabled"})"),
              "disabled b");
    EXPECT_EQ(deed(R"({"servers": [{"url": "http://a", "state": "drain"}]})",
                   R"({"servers": [{"url": "http://a"}]})"),
              "enabled http://a:80");
    EXPECT_EQ(deed(R"({"servers": [{"url": "http://a", "state": "disabled"}]})",
                   R"({"servers": [{"url": "http://a", "state": "active"}]})"),
              "enabled http://a:80");
    EXPECT_EQ(becomes(R"({"url": "http://a", "weight": 3})", same),
              "set the weight of http://a:80 to 3");
    EXPECT_EQ(deed(R"({"servers": [{"url": "http://a", "weight": 3}]})",
                   R"({"servers": [{"url": "http://a"}]})"),
              "set the weight of http://a:80 to 1");
    EXPECT_EQ(becomes(R"({"url": "http://a", "backup": true, "maxConnections": 9})", same),
              "made http://a:80 a backup and set maxConnections of http://a:80 to 9");
    EXPECT_EQ(deed(two, R"({"servers": ["http://a"]})"), "removed b");
    EXPECT_EQ(deed(R"({"servers": ["http://a"]})", two), "added b (http://b)");
    EXPECT_EQ(deed(R"({"servers": []})", R"({"servers": ["http://a"]})"), "added http://a:80");
    EXPECT_EQ(deed(two, R"({"servers": [{"url": "http://b", "name": "b"}, "http://a"]})"),
              "changed the order of the servers");
}

TEST(Deeds, KeysOfTheConfiguration) {
    EXPECT_EQ(deed("{}", R"({"balance": "first"})"), R"(set balance to "first")");
    EXPECT_EQ(deed(R"({"balance": "first"})", "{}"), "reset balance to its default");
    EXPECT_EQ(deed(R"({"timeouts": {"connect": "1s"}})",
                   R"({"timeouts": {"connect": "2s", "drain": "3s"}})"),
              R"(set timeouts.connect to "2s" and set timeouts.drain to "3s")");
    EXPECT_EQ(deed("{}", R"({"a": 1, "b": [2], "c": true})"),
              "set a to 1, set b to [2] and set c to true");
    EXPECT_EQ(deed("{}", R"({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5})"),
              "set a to 1, set b to 2 and made 3 more changes");
    const std::string hostile = deed("{}", R"({"a\n\u202e": "b\n"})");
    EXPECT_EQ(hostile.find('\n'), hostile.npos);
    EXPECT_EQ(hostile.find("\u202e"), hostile.npos);
}

TEST(Deeds, ActorsAreUsersOrClients) {
    PlainRequest request;
    EXPECT_EQ(describe_actor(request), "an API client");
    request.local = true;
    EXPECT_EQ(describe_actor(request), "a local user");
    request.user = 0;
    EXPECT_EQ(describe_actor(request), "root");
    request.user = 4'000'000'000;
    EXPECT_EQ(describe_actor(request), "user 4000000000");
}

TEST(Why, OfHealthyServers) {
    Member each = member();
    Condition condition = healthy();
    EXPECT_EQ(why(each, condition), "healthy for 2 min");
    condition.reason = "checks are off";
    EXPECT_EQ(why(each, condition), "healthy for 2 min (checks are off)");
    condition.reason = "1 check passed";
    condition.level = 4;
    EXPECT_EQ(why(each, condition), "healthy for 2 min, starting slowly with 40 % of its share");
    condition.level = 10;
    condition.failures = 1;
    condition.failure = "status 503";
    EXPECT_EQ(why(each, condition), "healthy for 2 min, but the last check failed: status 503");
    condition.failures = 2;
    EXPECT_EQ(why(each, condition), "healthy for 2 min, but the last 2 checks failed: status 503");
    condition.failures = 0;
    each.max_connections = 2;
    ASSERT_TRUE(each.server->enter(0));
    EXPECT_EQ(why(each, condition), "healthy for 2 min");
    ASSERT_TRUE(each.server->enter(0));
    EXPECT_EQ(why(each, condition), "healthy for 2 min, at its limit with 2 requests");
    each.weight = 0;
    EXPECT_EQ(
        why(each, condition),
        "healthy for 2 min, but its weight is 0: it receives no new requests, 2 requests left");
    each.weight = 1;
    each.max_connections = 0;
    each.backup = true;
    EXPECT_EQ(why(each, condition), "healthy for 2 min");
    condition.share = 0;
    EXPECT_EQ(why(each, condition),
              "healthy for 2 min; a backup, used when no other server is available");
}

TEST(Why, OfServersThatAreOut) {
    Condition condition = healthy();
    condition.reason = "connection refused";
    condition.health_for = 5s;
    condition.share = 0;
    EXPECT_EQ(why(member(Health::unhealthy), condition), "unhealthy for 5 s: connection refused");
    condition.failing_open = true;
    EXPECT_EQ(why(member(Health::unhealthy), condition), "unhealthy for 5 s: connection refused");
    condition.share = 1;
    EXPECT_EQ(why(member(Health::unhealthy), condition),
              "unhealthy for 5 s: connection refused; used anyway, because no server is healthy");
    condition.reason = "its name is being resolved";
    condition.failing_open = false;
    EXPECT_EQ(why(member(Health::unknown), condition), "its name is being resolved");
}

TEST(Why, OfEjectedServers) {
    Condition condition = healthy();
    condition.ejected = true;
    condition.ejected_for = 23s;
    condition.ejection = "5 errors in a row";
    EXPECT_EQ(why(member(), condition), "ejected for 23 s: 5 errors in a row");
    condition.half_open = true;
    EXPECT_EQ(why(member(), condition),
              "half-open: the next request or check decides whether it returns to rotation");
    // Its health says more.
    condition.reason = "status 500";
    EXPECT_EQ(why(member(Health::unhealthy), condition), "unhealthy for 2 min: status 500");
}

TEST(Why, OfServersThatAreNotWanted) {
    Member each = member();
    each.state = ServerState::drain;
    EXPECT_EQ(why(each, healthy()), "drained: no requests left");
    ASSERT_TRUE(each.server->enter(0));
    EXPECT_EQ(why(each, healthy()), "draining: 1 request left");
    each.server->set_health(Health::unhealthy);
    EXPECT_EQ(why(each, healthy()), "draining: 1 request left; unhealthy");
    each.state = ServerState::disabled;
    EXPECT_EQ(why(each, healthy()), "disabled: not checked, no new requests, 1 request left");
    each.server->leave();
    EXPECT_EQ(why(each, healthy()), "disabled: not checked, no new requests");
}

TEST(RoughTime, IsInTheLargestUnitThatIsFull) {
    EXPECT_EQ(rough_time(-1s), "0 s");
    EXPECT_EQ(rough_time(999ms), "0 s");
    EXPECT_EQ(rough_time(99s), "99 s");
    EXPECT_EQ(rough_time(100s), "1 min");
    EXPECT_EQ(rough_time(99min), "99 min");
    EXPECT_EQ(rough_time(100min), "1 h");
    EXPECT_EQ(rough_time(47h), "47 h");
    EXPECT_EQ(rough_time(48h), "2 days");
}

// RFC 9110 §13.1.1, §13.1.2, §8.8.3.2.
TEST(Preconditions, CompareTags) {
    const std::string tag = "\"a,b\"";
    for (const char* field : {"*", "\"a,b\"", "\"x\", \"a,b\"", "\"a,b\" ,\"x\"", ",, \"a,b\""})
        EXPECT_TRUE(if_match(field, tag)) << field;
    for (const char* field : {"", "\"a\"", "W/\"a,b\"", "a,b", "\"a,b", "\"a,b\" \"x\"", "*, \"x\"",
                              "x, \"a,b\"", "w/\"a,b\"", "\"a,b\"x"})
        EXPECT_FALSE(if_match(field, tag)) << field;
    EXPECT_FALSE(if_none_match("W/\"a,b\"", tag));
    EXPECT_FALSE(if_none_match("\"x\", W/\"a,b\"", tag));
    EXPECT_FALSE(if_none_match("*", tag));
    EXPECT_TRUE(if_none_match("\"x\"", tag));
    EXPECT_TRUE(if_none_match("", tag));
}

LogRecord record(std::string text, std::vector<LogField> fields = {}) {
    return {.time = std::chrono::system_clock::time_point(1'764'000'000'123ms),
            .priority = Priority::warning,
            .type = &messages::server_unhealthy,
            .text = std::move(text),
            .fields = std::move(fields)};
}

TEST(EventLog, SaysRecordsAsEvents) {
    EventLog log(std::chrono::system_clock::time_point(1000ms));
    EXPECT_EQ(log.add(record("a\n\"b\"", {{"SERVER", "http://a"}})),
              "id: 1000\nevent: record\n"
              "data: {\"time\":\"2025-11-24T16:00:00.123Z\",\"priority\":\"warning\","
              "\"type\":\"server-unhealthy\",\"text\":\"a\\n\\\"b\\\"\","
              "\"fields\":{\"server\":\"http://a\"}}\n\n");
}

TEST(EventLog, IsWellFormedWhateverIsLogged) {
    EventLog log(std::chrono::system_clock::time_point(1000ms));
    Random random(7);
    for (int round = 0; round < 300; ++round) {
        std::string bytes;
        for (std::uint64_t left = random.next() % 200; left > 0; --left)
            bytes += static_cast<char>(random.next());
        const std::string event = log.add(record(bytes, {{"X", bytes}}));
        const auto data = event.find("data: ") + 6;
        ASSERT_EQ(event.find('\n', data), event.size() - 2);
        ASSERT_TRUE(Json::parse(event.substr(data))) << event;
    }
    EXPECT_NE(log.add(record("a\xffz")).find("a\xef\xbf\xbdz"), std::string::npos);
    const std::string cut =
        log.add(record(std::string(EventLog::longest_text - 1, 'x') + "\u00e4"));
    EXPECT_NE(cut.find("xxx\""), std::string::npos);
    EXPECT_EQ(cut.find("\u00e4"), std::string::npos);
}

TEST(EventLog, KeepsTheLast) {
    EventLog log(std::chrono::system_clock::time_point(1000ms));
    EXPECT_EQ(log.after(std::nullopt).text, "");
    for (int at = 0; at < 250; ++at) log.add(record("text"));
    const auto ids = [&log](std::optional<std::uint64_t> after) {
        const std::string text(log.after(after).text);
        std::size_t count = 0;
        for (auto at = text.find("id: "); at != std::string::npos; at = text.find("id: ", at + 1))
            ++count;
        return std::pair(count, text.substr(0, text.find('\n')));
    };
    EXPECT_EQ(ids(std::nullopt), std::pair(std::size_t{200}, std::string("id: 1050")));
    EXPECT_EQ(ids(1240), std::pair(std::size_t{9}, std::string("id: 1241")));
    EXPECT_EQ(ids(1249).first, 0u);
    EXPECT_EQ(ids(1049).first, 200u);
    // None of its own, or gone meanwhile.
    for (const std::uint64_t id : {0ull, 999ull, 1048ull, 1250ull, ~0ull})
        EXPECT_EQ(ids(id).first, 200u) << id;
}

TEST(EventLog, FailedRequestsDoNotDisplaceTheRest) {
    EventLog log(std::chrono::system_clock::time_point(1000ms));
    log.add(record("important"));
    LogRecord failed = record("failed");
    failed.type = &messages::request_failed;
    for (int at = 0; at < 1000; ++at) log.add(failed);
    const auto count = [&log](std::optional<std::uint64_t> after, const std::string& what) {
        const std::string text(log.after(after).text);
        std::size_t found = 0;
        for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
            ++found;
        return found;
    };
    EXPECT_EQ(count(std::nullopt, "important"), 1u);
    EXPECT_EQ(count(std::nullopt, "id: "), 1 + EventLog::most_of_requests);
    // One of the ids that are gone, within what is kept: those that follow.
    EXPECT_EQ(count(1500, "important"), 0u);
    EXPECT_EQ(count(1500, "id: "), EventLog::most_of_requests);
    EXPECT_EQ(count(1998, "id: "), 2u);
}

TEST(EventLog, SharesWhatItKeeps) {
    EventLog log(std::chrono::system_clock::time_point(1000ms));
    log.add(record("one"));
    log.add(record("two"));
    const http::SharedText all = log.after(std::nullopt);
    const http::SharedText rest = log.after(1000);
    EXPECT_EQ(all.owner, rest.owner);
    EXPECT_TRUE(all.text.ends_with(rest.text));
    EXPECT_LT(rest.text.size(), all.text.size());
    log.add(record("three"));
    EXPECT_EQ(all.text.find("three"), std::string::npos);
    EXPECT_TRUE(log.after(std::nullopt).text.starts_with(all.text));
}

TEST(Rfc3339, HasMilliseconds) {
    EXPECT_EQ(rfc3339(std::chrono::system_clock::time_point(0ms)), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(rfc3339(std::chrono::system_clock::time_point(-1ms)), "1969-12-31T23:59:59.999Z");
}

TEST(Milliseconds, HaveTheDecimalsThatMatter) {
    EXPECT_EQ(milliseconds(Duration::zero()), "null");
    EXPECT_EQ(milliseconds(1234us), "1.23");
    EXPECT_EQ(milliseconds(12340us), "12.3");
    EXPECT_EQ(milliseconds(1234ms), "1234");
}

TEST(OwnHost, IsLoopbackByName) {
    for (const char* host : {"localhost", "LocalHost:1", "127.0.0.1:8081", "[::1]", "[::1]:80"})
        EXPECT_TRUE(is_own_host(host)) << host;
    for (const char* host : {"", "localhost.", "localhost:x", "127.0.0.2", "[::1", "::1",
                             "localhost:80:80", "evil", "[::1].x:80"})
        EXPECT_FALSE(is_own_host(host)) << host;
}

TEST(Malformed, SaysWhere) {
    const auto reply = malformed("{\n  x");
    EXPECT_EQ(reply.status, 400u);
    const auto json = Json::parse(reply.body);
    ASSERT_TRUE(json);
    const Json& error = json->find("errors")->children.front();
    EXPECT_EQ(error.text_of("line"), "2");
    EXPECT_EQ(error.text_of("column"), "3");
    EXPECT_EQ(malformed("{\"a\":1,\"a\":2}").status, 400u);
}

TEST(PlainRequest, FindsFieldsAndParameters) {
    PlainRequest request;
    request.query = "wait=drained&timeout=3%30s&x&&=y&a=b=c";
    EXPECT_EQ(request.parameter("wait"), "drained");
    EXPECT_EQ(request.parameter("timeout"), "30s");
    EXPECT_EQ(request.parameter("x"), "");
    EXPECT_EQ(request.parameter("a"), "b=c");
    EXPECT_EQ(request.parameter("b"), "");
    request.fields = {{"If-Match", "\"a\""}, {"if-match", "\"b\""}};
    EXPECT_EQ(request.joined("IF-MATCH"), "\"a\", \"b\"");
    EXPECT_EQ(request.count("If-Match"), 2u);
    EXPECT_EQ(percent_decoded("a%2Fb%zz%2"), "a/b%zz%2");
}

const Forbid nothing_forbidden = [](const Change&) { return std::nullopt; };

TEST(OverlayFit, LeavesOutWhatDoesNotFitAlone) {
    Json file = Json::object();
    Json servers = Json::list();
    Json changes = Json::object();
    for (int at = 0; at < 1000; ++at) {
        const std::string url = "http://10.0.0.1:" + std::to_string(at + 1);
        servers.add(Json::string(url));
        const std::string weight = at == 10 || at == 700 ? "5000" : "7";
        changes.set(url, *Json::parse(R"({"state": "drain", "weight": )" + weight + "}"));
    }
    file.set("servers", std::move(servers));
    Json overlay = *Json::parse(R"({"timeouts": {"connect": "nonsense", "tunnel": "5m"},
                                    "balance": "first"})");
    overlay.set("servers", std::move(changes));
    const Fit fit = fit_overlay(file, overlay, nothing_forbidden);
    EXPECT_TRUE(fit.loaded.ok());
    std::set<std::string> pointers;
    for (const Fit::Misfit& misfit : fit.misfits) {
        pointers.insert(misfit.change.pointer);
        EXPECT_FALSE(misfit.reason.empty());
    }
    EXPECT_EQ(pointers,
              (std::set<std::string>{"/timeouts/connect", "/servers/http:~1~110.0.0.1:11/weight",
                                     "/servers/http:~1~110.0.0.1:701/weight"}));
    EXPECT_EQ(fit.loaded.config.balance, find_policy("first"));
    EXPECT_EQ(fit.loaded.config.timeouts.tunnel, 5min);
    EXPECT_EQ(fit.loaded.config.servers[10].state, ServerState::drain);
    EXPECT_EQ(fit.loaded.config.servers[10].weight, 1u);
    EXPECT_EQ(fit.loaded.config.servers[11].weight, 7u);
}

TEST(OverlayFit, TriesNoLongerThanItMay) {
    Json overlay = Json::object();
    for (int at = 0; at < 500; ++at) overlay.set("key" + std::to_string(at), Json::number(1));
    overlay.set("balance", Json::string("first"));
    const Json file = *Json::parse(R"({"servers": ["http://a"]})");
    const Fit fit = fit_overlay(file, overlay, nothing_forbidden);
    EXPECT_TRUE(fit.loaded.ok());
    EXPECT_GE(fit.misfits.size(), 500u);
}

TEST(OverlayFit, LeavesOutWhatIsForbidden) {
    const Json file = *Json::parse(R"({"servers": ["http://a"], "port": ":80"})");
    const Json overlay = *Json::parse(R"({"port": ":81", "balance": "first"})");
    const Fit fit = fit_overlay(file, overlay, [](const Change& change) {
        return change.pointer == "/port" ? std::optional<std::string>("no") : std::nullopt;
    });
    ASSERT_EQ(fit.misfits.size(), 1u);
    EXPECT_EQ(fit.misfits[0].reason, "no");
    EXPECT_EQ(fit.loaded.config.balance, find_policy("first"));
    EXPECT_EQ(fit.loaded.config.port.front().port, 80);
}

TEST(OverlayFit, ChangesMakeTheOverlayAgain) {
    const Json overlay = *Json::parse(
        R"({"a": 1, "b": {}, "c": {"d": null, "e": [1]}, "servers":
            {"x": {"weight": 1, "state": "drain"}, "y": null, "z": {"url": "http://z"}}})");
    Json again = Json::object();
    std::vector<std::string> pointers;
    for (const Change& change : changes_of(overlay)) {
        pointers.push_back(change.pointer);
        again = united(std::move(again), change.patch);
    }
    EXPECT_EQ(again, overlay);
    EXPECT_EQ(pointers, (std::vector<std::string>{"/a", "/b", "/c/d", "/c/e", "/servers/x/weight",
                                                  "/servers/x/state", "/servers/y", "/servers/z"}));
}

TEST(OverlayFit, HiddenKeysAreThoseThatTheFileHas) {
    const Json file = *Json::parse(R"({"balance": "first", "timeouts": {"connect": "1s"},
        "servers": [{"url": "http://a", "weight": 2}, "http://b"]})");
    const auto hidden = [&file](const char* overlay) {
        return hidden_keys(file, *Json::parse(overlay));
    };
    using Keys = std::vector<std::string>;
    EXPECT_EQ(hidden(R"({"balance": "fastest", "via": true})"), Keys{"balance"});
    EXPECT_EQ(hidden(R"({"timeouts": {"connect": "2s", "tunnel": "1s"}})"),
              Keys{"timeouts/connect"});
    EXPECT_EQ(hidden(R"({"servers": {"http://a:80": {"weight": 3, "state": "drain"}}})"),
              Keys{"servers/http://a:80/weight"});
    EXPECT_EQ(hidden(R"({"servers": {"http://b:80": {"weight": 3}}})"), Keys{});
    EXPECT_EQ(hidden(R"({"servers": ["http://b"]})"), Keys{"servers"});
}

TEST(Changes, KnowWhichServersTheyTouch) {
    Changes changes(std::nullopt);
    LoadedConfig file = parse_config(R"({"servers": ["http://a", "http://b"]})", "file");
    file.source = R"({"servers": ["http://a", "http://b"]})";
    ASSERT_TRUE(changes.lay_over_file(file).ok());
    EXPECT_FALSE(changes.touches("http://a:80"));
    const auto patch = Json::parse(R"({"servers": {"http://a": {"weight": 3}}})");
    ASSERT_TRUE(changes.keep(changes.propose(*patch)));
    EXPECT_TRUE(changes.touches("http://a:80"));
    EXPECT_TRUE(changes.touches("http://a:80 (192.0.2.1)"));
    EXPECT_FALSE(changes.touches("http://b:80"));
    const auto turned =
        Json::parse(R"({"servers": ["http://b", {"url": "http://a", "weight": 2}]})");
    const auto proposal = changes.propose_document(*turned);
    EXPECT_EQ(proposal.document, *turned);
    ASSERT_TRUE(changes.keep(proposal));
    EXPECT_TRUE(changes.touches("http://a:80"));
    EXPECT_FALSE(changes.touches("http://b:80"));
}

// ---- the hub -----------------------------------------------------------------------------------

class FakeControl final : public Control {
  public:
    FakeControl() : sampler_(*this), snapshot_(snapshot_of({}, 0)) {}

    Overview overview() const override { return {}; }
    bool ready() const override { return true; }
    const std::string& config_file() const override { return file_; }
    const std::shared_ptr<const Snapshot>& shared_snapshot() const override { return snapshot_; }
    metrics::Totals totals() const override { return {}; }
    metrics::Readings readings() const override { return {}; }
    Condition condition(const Member& of, TimePoint) const override {
        const auto found = conditions.find(of.server->url);
        return found == conditions.end() ? Condition{} : found->second;
    }
    const Sampler& sampler() const override { return sampler_; }
    void apply(Config) override {}
    std::vector<ConfigProblem> reload_file() override { return {}; }
    bool check_server(const ServerConfig&, std::function<void(const Checked&)>) override {
        return false;
    }
    bool in_force_everywhere() const override { return true; }

    void add(const std::string& name) {
        auto members = snapshot_->members();
        Member added = member();
        added.server =
            std::make_shared<Server>("http://" + name + ":80", name, "", std::vector<Address>{});
        added.name = name;
        members.push_back(added);
        snapshot_ = snapshot_of(std::move(members), snapshot_->generation + 1);
    }
    void remove_first() {
        auto members = snapshot_->members();
        members.erase(members.begin());
        snapshot_ = snapshot_of(std::move(members), snapshot_->generation + 1);
    }
    std::map<std::string, Condition> conditions;

  private:
    std::string file_ = "config.json";
    Sampler sampler_;
    std::shared_ptr<const Snapshot> snapshot_;
};

struct Hub : testing::Test {
    void join(std::uint64_t listener, std::optional<std::uint64_t> last = {}) {
        events.join(listener, last, TimePoint(1s));
        work();
    }
    void tick(TimePoint time) {
        events.tick(time);
        work();
    }
    void work() {
        while (!jobs.empty()) {
            const Stretches::Job job = std::exchange(jobs, {}).front();
            while (job()) continue;
        }
    }
    /// The data of the last event of that name that the listener got; null: none since.
    Json last(std::uint64_t listener, const std::string& name) {
        std::string& text = said[listener];
        const auto at = text.rfind("event: " + name + "\n");
        if (at == std::string::npos) return {};
        const auto data = text.find("data: ", at) + 6;
        auto json = Json::parse(std::string_view(text).substr(data, text.find('\n', data) - data));
        text.clear();
        return json ? *json : Json{};
    }

    FakeControl control;
    Changes changes{std::nullopt};
    std::map<std::uint64_t, std::string> said;
    std::vector<std::uint64_t> ended;
    std::uint64_t deaf = 0;  // a listener that takes nothing
    std::size_t pushes = 0;
    std::vector<Stretches::Job> jobs;
    std::vector<http::SharedText> texts;
    Events events{control,
                  changes,
                  {.begin = [](std::uint64_t) { return true; },
                   .push =
                       [this](std::uint64_t listener, const http::SharedText& text) {
                           ++pushes;
                           texts.push_back(text);
                           said[listener] += text.text;
                           return listener != deaf;
                       },
                   .end = [this](std::uint64_t listener) { ended.push_back(listener); },
                   .make_room = [](std::uint64_t, std::size_t) {},
                   .run = [this](Stretches::Job job) { jobs.push_back(std::move(job)); }}};
};

TEST_F(Hub, SaysNothingToNobody) {
    control.add("a");
    events.add(record("text"));
    tick(TimePoint(1s));
    events.close();
    EXPECT_EQ(pushes, 0u);
}

TEST_F(Hub, TellsServersThatAreDifferent) {
    for (const char* name : {"a", "b", "c"}) control.add(name);
    join(1);
    EXPECT_TRUE(last(1, "counters").is_object());
    tick(TimePoint(2s));
    EXPECT_TRUE(last(1, "servers").is_null());

    control.conditions["http://b:80"].reason = "status 500";
    control.conditions["http://c:80"].health_for = 7s;  // passes by itself
    control.conditions["http://a:80"].share = 0.004;    // from nothing to something
    tick(TimePoint(3s));
    Json data = last(1, "servers");
    ASSERT_EQ(data.find("changed")->children.size(), 2u);
    EXPECT_EQ(data.find("changed")->children[1].text_of("name"), "b");

    control.conditions["http://a:80"].share = 0.006;
    tick(TimePoint(4s));
    EXPECT_TRUE(last(1, "servers").is_null());
    control.conditions["http://a:80"].share = 0.010;  // from what was said last
    tick(TimePoint(5s));
    EXPECT_EQ(last(1, "servers").find("changed")->children.size(), 1u);

    control.remove_first();
    control.add("d");
    tick(TimePoint(6s));
    data = last(1, "servers");
    EXPECT_EQ(data.find("removed")->children.front().text, server_id("http://a:80"));
    EXPECT_EQ(data.find("changed")->children.front().text_of("name"), "d");
    EXPECT_EQ(data.text_of("generation"), std::to_string(control.snapshot().generation));
}

TEST_F(Hub, NewcomersShareOneText) {
    for (int at = 0; at < 300; ++at) control.add("s" + std::to_string(at));
    join(1);
    for (std::uint64_t listener = 2; listener < 5; ++listener)
        events.join(listener, std::nullopt, TimePoint(1s));
    ASSERT_EQ(jobs.size(), 1u);
    texts.clear();
    work();
    EXPECT_EQ(said.size(), 4u);
    EXPECT_EQ(texts.size(), 3u * 3) << "the preface, the history and the counters, each";
    std::set<const void*> owners;
    for (const http::SharedText& text : texts) owners.insert(text.owner.get());
    EXPECT_EQ(owners.size(), 3u) << "none, and one for each of the others";
}

TEST_F(Hub, WhatChangesWhileANewcomerWaitsIsTold) {
    for (int at = 0; at < 300; ++at) control.add("s" + std::to_string(at));
    events.join(1, std::nullopt, TimePoint(1s));
    const Stretches::Job job = std::exchange(jobs, {}).front();
    ASSERT_TRUE(job());  // has looked at the first
    EXPECT_TRUE(said.empty()) << "whose stream begins only when all have been looked at";
    control.conditions["http://s0:80"].reason = "status 500";
    while (job()) continue;
    EXPECT_FALSE(said[1].empty());
    tick(TimePoint(2s));
    EXPECT_EQ(last(1, "servers").find("changed")->children.size(), 1u);
}

TEST_F(Hub, ATickDuringARoundMakesAnother) {
    join(1);
    events.join(2, std::nullopt, TimePoint(1s));
    events.tick(TimePoint(2s));
    control.add("a");
    work();
    EXPECT_EQ(last(1, "servers").find("changed")->children.size(), 1u);
    EXPECT_EQ(last(2, "servers").find("changed")->children.size(), 1u);
}

TEST_F(Hub, ANewcomerThatLeavesIsForgotten) {
    events.join(1, std::nullopt, TimePoint(1s));
    events.leave(1);
    work();
    EXPECT_EQ(pushes, 0u);
}

TEST_F(Hub, TellsACrowdInTurns) {
    control.add("first");
    join(1);
    for (int at = 0; at < 450; ++at) control.add("s" + std::to_string(at));
    std::size_t told = 0;
    for (int second = 2; second < 6; ++second) {
        tick(TimePoint(std::chrono::seconds(second)));
        const Json data = last(1, "servers");
        if (data.is_null()) continue;
        EXPECT_LE(data.find("changed")->children.size(), ServersFeed::most_at_once);
        told += data.find("changed")->children.size();
    }
    EXPECT_EQ(told, 450u);
}

TEST_F(Hub, ForgetsWhoIsGone) {
    join(1);
    join(2);
    join(3);
    events.leave(1);
    deaf = 2;
    events.add(record("text"));
    pushes = 0;
    events.add(record("text"));
    EXPECT_EQ(pushes, 1u);
    events.close();
    EXPECT_EQ(ended, std::vector<std::uint64_t>{3});
    pushes = 0;
    events.add(record("text"));
    EXPECT_EQ(pushes, 0u);
}

}  // namespace
}  // namespace otto::admin
