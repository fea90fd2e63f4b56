#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "config/json_tree.h"
#include "config/keys.h"
#include "config/load.h"
#include "config/locator.h"
#include "config/schema.h"
#include "config/units.h"
#include "config/utf8.h"
#include "config/wording.h"

namespace otto {

namespace {

/// All problems of `source`, one a line.
std::string problems(std::string_view source) {
    std::string all;
    for (const ConfigProblem& problem : parse_config(source, "f").problems)
        all += problem.text() + "\n";
    return all;
}

/// A good file with `members` added.
std::string with(std::string_view members) {
    return "{\"servers\":[\"http://a\"],\n" + std::string(members) + "}";
}

Config good(std::string_view source) {
    const LoadedConfig loaded = parse_config(source, "f");
    EXPECT_TRUE(loaded.ok()) << problems(source);
    return loaded.config;
}

Config with_servers(std::initializer_list<const char*> urls) {
    Config config;
    for (const char* url : urls) config.servers.push_back(*parse_server_url(url));
    return config;
}

std::string source_file(const char* name) {
    return std::string(OTTO_SOURCE_DIR) + "/" + name;
}

/// A file for one test, removed after it.
class TemporaryFile {
  public:
    explicit TemporaryFile(std::string_view content)
        : path_(std::filesystem::path(testing::TempDir()) /
                ("otto_config_" + std::to_string(getpid()) + ".json")) {
        std::ofstream(path_, std::ios::binary) << content;
    }
    ~TemporaryFile() { std::filesystem::remove(path_); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    std::string path() const { return path_.string(); }

  private:
    std::filesystem::path path_;
};

struct Case {
    std::string source;
    std::string problems;
};

void expect_problems(const std::vector<Case>& cases) {
    for (const Case& each : cases) EXPECT_EQ(problems(each.source), each.problems) << each.source;
}

}  // namespace

TEST(Config, OriginalFileGivesDefaults) {
    const LoadedConfig loaded = load_config(source_file("etc/config.json"));
    ASSERT_TRUE(loaded.ok()) << loaded.problems[0].text();
    EXPECT_EQ(loaded.config, with_servers({"http://localhost:5001", "http://localhost:5002",
                                           "http://localhost:5003", "http://localhost:5004",
                                           "http://localhost:5005"}));
    EXPECT_NE(loaded.source.find("\"healthCheckInterval\": \"5s\""), std::string::npos);
}

TEST(Config, SampleHoldsEveryKeyAtItsDefault) {
    const LoadedConfig loaded = load_config(source_file("etc/examples/full.json"));
    ASSERT_TRUE(loaded.ok()) << loaded.problems[0].text();
    Config defaults = with_servers({"http://localhost:5001"});
    defaults.sticky.enabled = true;
    defaults.admin.port = {"unix:/run/otto-admin.sock"};
    EXPECT_EQ(loaded.config, defaults);
    for (const Key& key : config_keys())
        EXPECT_NE(loaded.source.find("\"" + std::string(key.name()) + "\":"), std::string::npos)
            << key.pointer;
}

TEST(Config, EveryKeyIsRead) {
    const Config config = good(R"({
        "port": ["127.0.0.1:80", "[::1]:81", ":0"], "healthCheckInterval": "60s",
        "servers": [{"name": "one", "weight": 0, "backup": true, "maxConnections": 9,
                     "expand": true, "state": "drain", "url": "HTTP://A_b.Example/x/"},
                    {"url": "unix:@app", "weight": 1000, "state": "disabled"}, "http://[0:0::1]"],
        "workers": 3, "balance": "ip-hash", "sticky": {"cookie": "!sid~", "ttl": "8760h"},
        "healthCheck": {"type": "tcp", "path": "/h?a=%20", "host": "x.example:81", "method": "HEAD",
            "status": "204", "interval": "1m", "downInterval": "3s", "timeout": "1500ms", "healthyAfter": 4,
            "unhealthyAfter": 5, "startHealthy": true},
        "ejection": {"consecutiveErrors": 0, "statuses": [500, 599], "base": "1m", "max": "1m",
            "maxPercent": 100}, "slowStart": "0s",
        "retries": {"attempts": 10, "budgetPercent": 0, "budgetMinPerSecond": 100000},
        "queue": {"length": 0, "timeout": "1ms"},
        "timeouts": {"connect": "1ms", "requestHeader": "2ms", "response": "3ms",
            "progress": "4ms", "minimumRate": "2KiB/s", "tunnel": "7m", "clientIdle": "5ms", "serverIdle": "6m",
            "drain": "24h"},
        "limits": {"headerBytes": 1024, "headerCount": 7, "targetBytes": "1MiB",
            "bodyBytes": "2GiB", "responseHeaderBytes": "1MiB", "responseHeaderCount": 8,
            "connections": 1000000, "connectionsPerClient": 50,
            "perRequestBuffer": "4KiB"},
        "trustedProxies": ["10.0.0.0/8", "::1"], "proxyProtocol": true, "via": true,
        "requestTrailers": "forward", "halfClose": "answer",
        "admin": {"port": "[::1]:82"}})");
    Config expected;
    expected.port = {{"127.0.0.1", 80, "127.0.0.1:80"}, {"::1", 81, "[::1]:81"}, {"", 0, ":0"}};
    using State = ServerState;
    expected.servers = {
        {"http://a_b.example:80/x", "a_b.example", 80, "", "/x", 0, "one", true, 9, true,
         State::drain},
        {"unix:@app", "", 0, "@app", "", 1000, "unix:@app", false, 0, false, State::disabled},
        {"http://[::1]:80", "::1", 80, "", "", 1, "http://[::1]:80"}};
    expected.workers = 3;
    expected.balance = find_policy("ip-hash");
    expected.sticky = {true, "!sid~", 8760h};
    expected.ejection = {0, {500, 599}, 1min, 1min, 100};
    expected.slow_start = 0s;
    expected.queue = {0, 1ms};
    using Health = HealthCheckConfig;
    expected.health_check = {Health::Type::tcp,
                             "/h?a=%20",
                             "x.example:81",
                             "HEAD",
                             204,
                             204,
                             60s,
                             3s,
                             1500ms,
                             4,
                             5,
                             true};
    expected.retries = {10, 0, 100'000};
    expected.timeouts = {1ms, 2ms, 3ms, 4ms, 2048, 7min, 5ms, 6min, 24h};
    expected.limits = {1024, 7, 1 << 20, Bytes{2} << 30, 1 << 20, 8, 1'000'000, 50, 4096};
    expected.trusted_proxies = {*Cidr::parse("10.0.0.0/8"), *Cidr::parse("::1")};
    expected.proxy_protocol = true;
    expected.forward_trailers = true;
    expected.answer_half_closed = true;
    expected.via = true;
    expected.admin.port = {"[::1]:82"};
    EXPECT_EQ(config, expected);
}

TEST(Config, AllProblemsAtOnceInTheOrderOfTheFile) {
    EXPECT_EQ(problems(R"({
  "prot": ":8080",
  "servers": ["http://a", {"url": "http://A:80/", "wait": 1}, {"weight": "3"}],
  "timeouts": {"connect": "2"},
  "workers": 257,
  "workers": 1,
  "a/b~c\n": null
})"),
              R"(f:2:3: /prot: unknown key "prot"; did you mean "port"?
f:3:51: /servers/1/wait: unknown key "wait"; expected "url", "weight", "backup",)"
              R"( "maxConnections", "expand", "state" or "name"
f:3:63: /servers/2: the key "url" is missing
f:3:74: /servers/2/weight: expected a whole number from 0 to 1000, found "3"; did you mean 3?
f:4:27: /timeouts/connect: expected a duration from 1ms to 24h, such as "500ms" or "5s",)"
              R"( found "2"; did you mean "2s"?
f:5:14: /workers: expected a whole number from 0 to 256, found 257
f:6:3: /workers: duplicate key "workers", first seen in line 5
f:7:3: /a~1b~0c\u000a: unknown key "a/b~c\u000a"; expected "port", "healthCheckInterval",)"
              R"( "servers", "workers", "balance", "sticky", "healthCheck", "ejection",)"
              R"( "slowStart", "retries", "queue", "timeouts", "limits", "trustedProxies",)"
              R"( "proxyProtocol", "via", "requestTrailers", "halfClose", "accessLog",)"
              R"( "accessLogFormat", "accessLogSample" or)"
              R"( "admin"
)");
}

TEST(Config, SyntaxErrorsAreOneAndPositioned) {
    const std::string deep(100'000, '[');
    expect_problems({
        {"", "f:1:1: expected a JSON object, found an empty file\n"},
        {" \n", "f:1:1: expected a JSON object, found an empty file\n"},
        {"\xef\xbb\xbf{}",
         "f:1:1: the file starts with a byte order mark; save it as UTF-8 without one\n"},
        {"{\n\"\xe4\":1}", "f:2:2: this byte is not UTF-8\n"},
        {"\xff\xfe{", "f:1:1: this byte is not UTF-8\n"},
        {std::string("{}\0x", 4), "f:1:3: JSON must not contain a NUL byte\n"},
        {"[]", "f:1:1: expected an object, found a list of 0\n"},
        {"{\"ä\":1 \"b\":2}", "f:1:9: expected a comma or \"}\", found a string\n"},
        {"{\"a\":1,\n}",
         "f:2:1: expected a key in double quotes, found \"}\"; remove the comma before it\n"},
        {"[1,]", "f:1:4: expected a value, found \"]\"; remove the comma before it\n"},
        {"{\n// x\n}",
         "f:2:1: expected a key in double quotes, found \"/\"; JSON has no comments\n"},
        {"{'a':1}",
         "f:1:2: expected a key in double quotes, found \"'\"; strings must be in double quotes\n"},
        {"[\"x\n\"]", "f:1:4: expected the string's closing quote, found the end of the line\n"},
        {"[\"x", "f:1:4: expected the string's closing quote, found the end of the file\n"},
        {R"(["\q"])", "f:1:3: unknown escape in a string; a backslash itself is written as \\\\\n"},
        {R"(["\u12g4"])", "f:1:3: expected four hexadecimal digits after \\u\n"},
        {R"(["\ud800"])", "f:1:3: a \\u escape in this string is half of a surrogate pair\n"},
        {R"(["\udc00"])", "f:1:2: a \\u escape in this string is half of a surrogate pair\n"},
        {"{} x", "f:1:4: expected the end of the file, found \"x\"\n"},
        {"{\"a\" 1}", "f:1:6: expected a colon after the key, found \"1\"\n"},
        {"[1 2]", "f:1:4: expected a comma or \"]\", found \"2\"\n"},
        {"[1.]", "f:1:4: expected a digit after the decimal point, found \"]\"\n"},
        {"[1e]", "f:1:4: expected a digit in the exponent, found \"]\"\n"},
        {"[1e999]", "f:1:2: this number is too big\n"},
        {"[tru]", "f:1:5: expected a value, found \"]\"\n"},
        {"{", "f:1:2: expected a key in double quotes, found the end of the file\n"},
        {deep, "f:1:33: more than 32 levels\n"},
    });
}

TEST(Config, BadValues) {
    expect_problems({
        {with(R"("port": 8080)"),
         R"(f:2:9: /port: expected ":PORT", "ADDRESS:PORT" or a list of 1 to 64 of these,)"
         R"( found 8080: the port must follow a colon; did you mean ":8080"?)"
         "\n"},
        {with(R"("port": ["localhost:80", {}])"),
         R"(f:2:10: /port/0: expected ":PORT" or "ADDRESS:PORT", found "localhost:80": the)"
         R"( host must be an IP address or empty; did you mean "127.0.0.1:80"?)"
         "\n"
         R"(f:2:26: /port/1: expected ":PORT" or "ADDRESS:PORT", found an object)"
         "\n"},
        {with(R"("port": [":80", "127.0.0.1:80", "[::]:81", "[0:0::0]:81"])"),
         R"(f:2:17: /port/1: duplicate address "127.0.0.1:80": ":80" already includes it)"
         "\n"
         R"(f:2:44: /port/3: duplicate address "[0:0::0]:81": "[::]:81" already includes it)"
         "\n"},
        {with(R"("port": [])"),
         R"(f:2:9: /port: expected ":PORT", "ADDRESS:PORT" or a list of 1 to 64 of these,)"
         R"( found a list of 0)"
         "\n"},
        {with(R"("healthCheckInterval": "99ms")"),
         R"(f:2:24: /healthCheckInterval: expected a duration from 100ms to 24h, such as)"
         R"( "500ms" or "5s", found "99ms")"
         "\n"},
        {with(R"("timeouts": {"drain": "1.5s", "connect": 5, "progress": "25h"})"),
         R"(f:2:23: /timeouts/drain: expected a duration from 1ms to 24h, such as "500ms" or)"
         R"( "5s", found "1.5s")"
         "\n"
         R"(f:2:42: /timeouts/connect: expected a duration from 1ms to 24h, such as "500ms")"
         R"( or "5s", found 5; did you mean "5s"?)"
         "\n"
         R"(f:2:57: /timeouts/progress: expected a duration from 1ms to 24h, such as "500ms")"
         R"( or "5s", found "25h")"
         "\n"},
        {with(R"("limits": {"headerBytes": "64kb", "bodyBytes": -1, "perRequestBuffer": "1"})"),
         R"(f:2:27: /limits/headerBytes: expected a size from 1KiB to 1MiB, such as 65536 or)"
         R"( "64KiB", found "64kb"; did you mean "64KiB"?)"
         "\n"
         R"(f:2:48: /limits/bodyBytes: expected a size from 0 to 1024GiB, such as 65536 or)"
         R"( "64KiB", found -1)"
         "\n"
         R"(f:2:72: /limits/perRequestBuffer: expected a size from 4KiB to 16MiB, such as)"
         R"( 65536 or "64KiB", found "1")"
         "\n"},
        {with(R"("balance": "roundrobin", "workers": 1.0, "timeouts": [])"),
         R"(f:2:12: /balance: expected "round-robin", "least-connections", "two-choices",)"
         R"( "fastest", "ip-hash" or "first", found "roundrobin"; did you mean "round-robin"?)"
         "\n"
         "f:2:37: /workers: expected a whole number from 0 to 256, found 1.0\n"
         "f:2:54: /timeouts: expected an object, found a list of 0\n"},
        {with(R"("healthCheck": {"status": 200, "path": "x", "host": "a b", "startHealthy": 1})"),
         R"(f:2:27: /healthCheck/status: expected a status or a range of them from 100 to)"
         R"( 599, such as "200" or "200-399", found 200; did you mean "200"?)"
         "\n"
         R"(f:2:40: /healthCheck/path: expected a path such as "/health", found "x": a path)"
         R"( must start with "/")"
         "\n"
         R"(f:2:53: /healthCheck/host: expected "" or a host such as "app.example" or)"
         R"( "app.example:8080", found "a b": " " is not allowed in a host name)"
         "\n"
         "f:2:76: /healthCheck/startHealthy: expected true or false, found 1\n"},
        {with(R"("healthCheckInterval": "5s", "healthCheck": {"interval": "5000ms"})"), ""},
        {with(R"("healthCheck": {"interval": "6s"},)"
              "\n"
              R"("healthCheckInterval": "5s")"),
         R"(f:3:24: /healthCheckInterval: "5s" contradicts "6s" in line 2: both keys have the same meaning)"
         "\n"},
        {with(R"("trustedProxies": ["10.0.0.0/33", 5])"),
         R"(f:2:20: /trustedProxies/0: expected a range such as "10.0.0.0/8" or an address,)"
         R"( found "10.0.0.0/33": the prefix length of "10.0.0.0/33" is not 0 to 32)"
         "\n"
         R"(f:2:35: /trustedProxies/1: expected a range such as "10.0.0.0/8" or an address,)"
         R"( found 5)"
         "\n"},
        {with(R"("retries": {"attempts": 0, "budgetPercent": 101, "budgetMinPerSecond": "5"})"),
         "f:2:25: /retries/attempts: expected a whole number from 1 to 10, found 0\n"
         "f:2:45: /retries/budgetPercent: expected a whole number from 0 to 100, found 101\n"
         "f:2:72: /retries/budgetMinPerSecond: expected a whole number from 0 to 100000, found"
         " \"5\"; did you mean 5?\n"},
        {with(R"("retries": 3, "via": "otto", "proxyProtocol": 1)"),
         "f:2:12: /retries: expected an object, found 3\n"
         "f:2:22: /via: expected true or false, found \"otto\"\n"
         "f:2:47: /proxyProtocol: expected true or false, found 1\n"},
    });
}

TEST(Config, BadBalancing) {
    const std::string name =
        "expected a name of 1 to 100 letters, digits and any of !#$%&'*+-.^_`|~, found ";
    expect_problems({
        {with(R"("sticky": true)"), "f:2:11: /sticky: expected an object, found true\n"},
        {with(R"("sticky": {"cookie": ""})"), "f:2:22: /sticky/cookie: " + name + "\"\"\n"},
        {with(R"("sticky": {"cookie": "a=b"})"), "f:2:22: /sticky/cookie: " + name + "\"a=b\"\n"},
        {with(R"("sticky": {"cookie": "ä", "ttl": "8761h"})"),
         "f:2:22: /sticky/cookie: " + name + "\"ä\"\n" +
             R"(f:2:35: /sticky/ttl: expected a duration from 0s to 8760h, such as "500ms" or)"
             R"( "5s", found "8761h")"
             "\n"},
        {with(R"("slowStart": 10)"),
         R"(f:2:14: /slowStart: expected a duration from 0s to 24h, such as "500ms" or "5s",)"
         R"( found 10; did you mean "10s"?)"
         "\n"},
        {with(R"("ejection": {"statuses": [500, 499, "503", 600], "maxPercent": 101})"),
         "f:2:32: /ejection/statuses/1: expected a status from 500 to 599, found 499\n"
         "f:2:37: /ejection/statuses/2: expected a status from 500 to 599, found \"503\"\n"
         "f:2:44: /ejection/statuses/3: expected a status from 500 to 599, found 600\n"
         "f:2:64: /ejection/maxPercent: expected a whole number from 0 to 100, found 101\n"},
        {with(R"("ejection": {"statuses": 500})"),
         "f:2:26: /ejection/statuses: expected a list of 0 to 100 statuses from 500 to 599, found "
         "500\n"},
        {with(R"("ejection": {"consecutiveErrors": 1001, "base": "0s", "max": "25h"})"),
         "f:2:35: /ejection/consecutiveErrors: expected a whole number from 0 to 1000, found 1001\n"
         R"(f:2:49: /ejection/base: expected a duration from 1ms to 24h, such as "500ms" or "5s",)"
         R"( found "0s")"
         "\n"
         R"(f:2:62: /ejection/max: expected a duration from 1ms to 24h, such as "500ms" or "5s",)"
         R"( found "25h")"
         "\n"},
        {with(R"("ejection": {"max": "10s"})"),
         "f:2:21: /ejection/max: \"base\" (30s) is longer than \"max\" (10s)\n"},
        {with(R"("ejection": {"max": "8m", "base": "10m"})"),
         "f:2:35: /ejection/base: \"base\" (10m) is longer than \"max\" (8m)\n"},
        {with(R"("queue": {"length": 1000001, "timeout": "0ms"})"),
         "f:2:21: /queue/length: expected a whole number from 0 to 1000000, found 1000001\n"
         R"(f:2:41: /queue/timeout: expected a duration from 1ms to 24h, such as "500ms" or "5s",)"
         R"( found "0ms")"
         "\n"},
        {with(R"("queue": 5, "ejection": null)"),
         "f:2:10: /queue: expected an object, found 5\n"
         "f:2:25: /ejection: expected an object, found null\n"},
    });
}

TEST(Config, RatesAreNumbersOrHaveAUnit) {
    const auto rate = [](const std::string& value) {
        return good(R"({"servers": ["http://a"], "timeouts": {"minimumRate": )" + value + "}}")
            .timeouts.minimum_rate;
    };
    EXPECT_EQ(rate("0"), 0u);
    EXPECT_EQ(rate("500"), 500u);
    EXPECT_EQ(rate(R"("1KiB/s")"), 1024u);
    const auto wrong = [](const std::string& value) {
        return problems(R"({"servers": ["http://a"], "timeouts": {"minimumRate": )" + value + "}}");
    };
    const std::string expected = R"(expected a rate from 0B/s to 1MiB/s, such as "240B/s" or 0)";
    for (const auto& [value, meant] : std::vector<std::pair<std::string, std::string>>{
             {R"("240")", R"(; did you mean "240B/s"?)"},
             {R"("1KB/s")", R"(; did you mean "1KiB/s"?)"},
             {R"("2MiB/s")", ""},
             {R"("fast")", ""},
             {"-1", ""},
             {"true", ""}}) {
        const std::string said = wrong(value);
        EXPECT_NE(said.find(expected), std::string::npos) << said;
        EXPECT_NE(said.find("found " + value + meant), std::string::npos) << said;
        EXPECT_EQ(said.find("did you mean") != std::string::npos, !meant.empty()) << said;
    }
}

TEST(Config, StickyIsOnWhenItIsThere) {
    EXPECT_FALSE(good(with(R"("via": false)")).sticky.enabled);
    EXPECT_TRUE(good(with(R"("sticky": {})")).sticky.enabled);
}

TEST(Config, BadServerLists) {
    expect_problems({
        {"{}", "f:1:1: the key \"servers\" is missing\n"},
        {R"({"servers": "http://a"})",
         "f:1:13: /servers: expected a list of 1 to 10000 servers, found \"http://a\"\n"},
        {R"({"servers": []})",
         "f:1:13: /servers: expected a list of 1 to 10000 servers, found a list of 0\n"},
        {R"({"servers": [{"url": "http://a", "weight": 0}]})",
         "f:1:13: /servers: expected at least one server with a weight above 0, found none\n"},
        {"{\"servers\": [\"http://localhost:5001\",\n\"http://LOCALHOST:5001/\"]}",
         "f:2:1: /servers/1: duplicate server \"http://localhost:5001\": the same as /servers/0 in "
         "line 1\n"},
        {R"({"servers": [{"url": "http://a", "name": "x"}, {"name": "x", "url": "http://b"}]})",
         "f:1:57: /servers/1/name: duplicate name \"x\": the same as /servers/0 in line 1\n"},
        {R"({"servers": [7]})",
         "f:1:14: /servers/0: expected a server's URL or an object with \"url\", found 7\n"},
        {R"({"servers": [{"url": "http://a", "name": "a\nb"}]})",
         "f:1:42: /servers/0/name: expected a string of 1 to 100 bytes without control "
         "characters, found \"a\\nb\"\n"},
        {"{\"servers\": [{\"url\": \"http://a\", \"name\": \"a\u202eb\"}]}",
         "f:1:42: /servers/0/name: expected a string of 1 to 100 bytes without control "
         "characters, found \"a\\u202eb\"\n"},
        {with("\"accessLog\": \"/a\u2028b\""),
         "f:2:14: /accessLog: expected \"off\", \"journal\", \"stdout\" or the absolute path of a "
         "file, found \"/a\\u2028b\": the path contains a control character\n"},
        {R"({"servers": [{"url": "http://a", "backup": 1, "maxConnections": -1}]})",
         "f:1:44: /servers/0/backup: expected true or false, found 1\n"
         "f:1:65: /servers/0/maxConnections: expected a whole number from 0 to 1000000, found"
         " -1\n"},
        {R"({"servers": [{"url": "http://a", "expand": "yes", "state": "drained"}]})",
         "f:1:44: /servers/0/expand: expected true or false, found \"yes\"\n"
         "f:1:60: /servers/0/state: expected \"active\", \"drain\" or \"disabled\", found"
         " \"drained\"; did you mean \"drain\"?\n"},
    });
}

TEST(Config, ProxyProtocolNeedsTrustedProxies) {
    const std::string needs =
        R"(/proxyProtocol: true needs "trustedProxies", which is empty: PROXY headers are accepted)"
        R"( only from the proxies listed there)"
        "\n";
    EXPECT_EQ(problems(with(R"("proxyProtocol": true)")), "f:2:18: " + needs);
    EXPECT_EQ(problems(with(R"("trustedProxies": [], "proxyProtocol": true)")), "f:2:40: " + needs);
    EXPECT_EQ(problems(with(R"("proxyProtocol": false, "trustedProxies": [])")), "");
    EXPECT_EQ(problems(with(R"("proxyProtocol": true, "trustedProxies": ["::/0"])")), "");
    // What is wrong with the list itself is told once.
    EXPECT_EQ(problems(with(R"("proxyProtocol": true, "trustedProxies": {})")),
              R"(f:2:42: /trustedProxies: expected a list of 0 to 1000 ranges such as)"
              R"( "10.0.0.0/8", found an object)"
              "\n");
}

TEST(Config, Limits) {
    std::string many = "{\"servers\":[\"http://s0\"";
    for (int at = 1; at < 10'000; ++at) many += ",\"http://s" + std::to_string(at) + "\"";
    EXPECT_EQ(good(many + "]}").servers.size(), 10'000u);
    EXPECT_EQ(problems(many + ",\"http://one\"]}"),
              "f:1:12: /servers: expected a list of 1 to 10000 servers, found a list of 10001\n");
    std::string values = "[0";
    for (int at = 0; at < 200'000; ++at) values += ",0";
    EXPECT_EQ(problems(values), "f:1:400000: more than 200000 values\n");
    EXPECT_EQ(problems(std::string(16 * 1024 * 1024 + 1, ' ')),
              "f: the file has more than 16MiB\n");
    const std::string long_key = R"({"servers":["http://a"],")" + std::string(100'000, 'x');
    EXPECT_LT(problems(long_key + "\":1}").size(), 101'000u);
}

TEST(Config, UnreadableFiles) {
    const auto text = [](const std::string& file) { return load_config(file).problems[0].text(); };
    EXPECT_EQ(text("/nonexistent"),
              "/nonexistent: cannot open the file: No such file or directory");
    EXPECT_EQ(text("/"), "/: the file is not a regular file");
    EXPECT_EQ(text("/dev/zero"), "/dev/zero: the file is not a regular file");
    EXPECT_EQ(text("/dev/null"), "/dev/null: the file is not a regular file");
    const TemporaryFile file(with("\"workers\": 2"));
    EXPECT_EQ(load_config(file.path()).config.workers, 2u);
}

TEST(Config, ProblemsStayOnOneLine) {
    const ConfigProblem problem{"a\nb", 1, 2, "/\x1b[31m", "\x7f\xc2\x9b"};
    EXPECT_EQ(problem.text(), "a\\u000ab:1:2: /\\u001b[31m: \\u007f\\u009b");
    EXPECT_EQ(printable("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e"),
              "\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a\\u202b\\u202c\\u202d\\u202e");
    EXPECT_EQ(printable("\u2066\u2067\u2068\u2069"), "\\u2066\\u2067\\u2068\\u2069");
    EXPECT_EQ(printable("\u061d\u200d\u2027\u202f\u2065\u206a\u20ac \u05d0"),
              "\u061d\u200d\u2027\u202f\u2065\u206a\u20ac \u05d0");
}

TEST(Locator, GoodServers) {
    const auto url = [](const char* text) {
        const auto server = parse_server_url(text);
        return server ? server->url : server.error().message;
    };
    EXPECT_EQ(url("http://localhost"), "http://localhost:80");
    EXPECT_EQ(url("HTTP://Local_Host:080/"), "http://local_host:80");
    EXPECT_EQ(url("http://127.0.0.1:5001/A/b%2Fc/"), "http://127.0.0.1:5001/A/b%2Fc");
    EXPECT_EQ(url("http://[2001:DB8:0::1]:5001"), "http://[2001:db8::1]:5001");
    EXPECT_EQ(url("http://1.a"), "http://1.a:80");
    EXPECT_EQ(url("unix:/run/app.sock"), "unix:/run/app.sock");
    EXPECT_EQ(url("unix:@a b"), "unix:@a b");
}

TEST(Locator, BadServers) {
    const auto reason = [](const std::string& text) {
        const auto server = parse_server_url(text);
        return server ? "good: " + server->url : server.error().message;
    };
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "the scheme is neither http:// nor unix:"},
        {"ftp://a", "the scheme is neither http:// nor unix:"},
        {"https://a/b", "only http:// and unix: are supported; did you mean \"http://a/b\"?"},
        {"localhost:5001", "the scheme is missing; did you mean \"http://localhost:5001\"?"},
        {"/run/a", "the scheme is missing; did you mean \"unix:/run/a\"?"},
        {"http://", "the host is missing"},
        {"http://:80", "the host is missing"},
        {"http://u:p@h", "a server URL must not contain a user or a password"},
        {"http://h?q", "a server URL must not contain a query or a fragment"},
        {"http://h/#f", "a server URL must not contain a query or a fragment"},
        {"http://h:", "the port is not a number from 0 to 65535"},
        {"http://h:65536", "the port is not a number from 0 to 65535"},
        {"http://h:0", "the port of a server must be from 1 to 65535"},
        {"http://h/a/../b", "the path has a \".\" or \"..\" segment"},
        {"http://h/%2e", "the path has a \".\" or \"..\" segment"},
        {"http://h/a/.%2E", "the path has a \".\" or \"..\" segment"},
        {"http://h//", "the path has an empty segment"},
        {"http://h/a b", "\" \" is not allowed in a path"},
        {"http://h/%4", "\"%\" must be followed by two hexadecimal digits"},
        {"http://h/ä", "a path must be ASCII (%XX for other characters)"},
        {"http://ä", "a host name must be ASCII (xn--… for other scripts)"},
        {"http://a..b", "the host has an empty part"},
        {"http://a.", "the host has an empty part"},
        {"http://-a", "a part of the host starts or ends with \"-\""},
        {"http://" + std::string(64, 'a'), "a part of the host has more than 63 bytes"},
        {"http://127.1", "this is neither an IPv4 address nor a name"},
        {"http://a.0x7f", "this is neither an IPv4 address nor a name"},
        {"http://256.0.0.1", "this is neither an IPv4 address nor a name"},
        {"http://::1", "an IPv6 address must be in brackets"},
        {"http://[::1", "the \"]\" of the IPv6 address is missing"},
        {"http://[::1]80", "only a port can follow the address"},
        {"http://[127.0.0.1]", "the brackets do not contain an IPv6 address"},
        {"http://[fe80::1%25eth0]", "the brackets do not contain an IPv6 address"},
        {"http://a/" + std::string(2048, 'a'), "it has more than 2048 bytes"},
        {"unix:", "the path of a UNIX socket must start with \"/\", or with \"@\" if abstract"},
        {"unix:run", "the path of a UNIX socket must start with \"/\", or with \"@\" if abstract"},
        {"unix:@", "the path of a UNIX socket must start with \"/\", or with \"@\" if abstract"},
        {"unix:///run/a", "the path must start with a single slash; did you mean \"unix:/run/a\"?"},
        {"unix://host/a", "the URL of a UNIX socket must not have a host"},
        {"unix:/run/../a", "the path has a \".\" or \"..\" segment"},
        {"unix:/run/", "the path ends with a slash"},
        {"unix:/a\nb", "the path contains a control character"},
        {"unix:/" + std::string(107, 'a'),
         "the path of a UNIX socket must have 1 to 107 bytes, but this one has 108"},
    };
    for (const auto& each : cases) EXPECT_EQ(reason(each.first), each.second) << each.first;
}

TEST(Units, Durations) {
    EXPECT_EQ(parse_duration("250ms"), Duration(250ms));
    EXPECT_EQ(parse_duration("1h"), Duration(1h));
    for (const char* bad : {"", "s", "5", "5 s", "-5s", "1.5s", "1m30s", "5S", "5us",
                            "99999999999999999999s", "9999999999999h"})
        EXPECT_FALSE(parse_duration(bad)) << bad;
    EXPECT_EQ(duration_text(90s), "90s");
    EXPECT_EQ(duration_text(24h), "24h");
    EXPECT_EQ(duration_text(0s), "0s");
}

TEST(Units, Rates) {
    EXPECT_EQ(parse_rate("240B/s"), 240u);
    EXPECT_EQ(parse_rate("1KiB/s"), 1024u);
    EXPECT_EQ(parse_rate("0B/s"), 0u);
    for (const char* bad : {"", "240", "240B", "/s", "240b/s", "240 B/s", "-1B/s", "1KB/s"})
        EXPECT_FALSE(parse_rate(bad)) << bad;
    EXPECT_EQ(rate_text(240), "240B/s");
    EXPECT_EQ(rate_text(2048), "2KiB/s");
    EXPECT_EQ(rate_text(0), "0B/s");
}

TEST(Units, Sizes) {
    EXPECT_EQ(parse_size("64KiB"), 65536u);
    EXPECT_EQ(parse_size("1GiB"), 1u << 30);
    for (const char* bad : {"", "64", "64KB", "64kib", "64 KiB", "-1KiB", "99999999999999GiB"})
        EXPECT_FALSE(parse_size(bad)) << bad;
    EXPECT_EQ(size_text(1536), "1536");
    EXPECT_EQ(size_text(65536), "64KiB");
}

TEST(Utf8, FindsTheFirstBadByte) {
    constexpr auto npos = std::string_view::npos;
    for (const char* fine : {"", "a", "ä", "€", "😀", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
        EXPECT_EQ(find_invalid_utf8(fine), npos) << fine;
    for (const char* bad : {"\x80", "\xc0\x80", "\xc3", "\xe0\x9f\xbf", "\xed\xa0\x80",
                            "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82"})
        EXPECT_EQ(find_invalid_utf8(bad), 0u);
    EXPECT_EQ(find_invalid_utf8("ab\xff"), 2u);
}

TEST(DidYouMean, ForgivesOneSlipInThree) {
    const std::vector<std::string_view> known{"url", "weight", "name"};
    EXPECT_EQ(did_you_mean("URL", known), "; did you mean \"url\"?");
    EXPECT_EQ(did_you_mean("wieght", known), "; did you mean \"weight\"?");
    EXPECT_EQ(did_you_mean("nam", known), "; did you mean \"name\"?");
    EXPECT_EQ(did_you_mean("color", known), "");
    EXPECT_EQ(did_you_mean("", known), "");
}

TEST(Schema, IsJsonAndHoldsEveryKey) {
    const std::string schema = config_schema();
    EXPECT_TRUE(std::holds_alternative<Json>(parse_json(schema)));
    for (const Key& key : config_keys()) {
        EXPECT_NE(schema.find("\"" + std::string(key.name()) + "\": {"), std::string::npos);
        EXPECT_TRUE(key.about.ends_with(".")) << key.pointer;
    }
}

}  // namespace otto
