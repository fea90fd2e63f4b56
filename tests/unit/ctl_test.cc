// ottoctl: what it makes of events, keys and names.

#include <gtest/gtest.h>

#include "ctl/console/event_parser.h"
#include "ctl/console/figures.h"
#include "ctl/console/text.h"
#include "ctl/events_command.h"
#include "ctl/top/fleet.h"
#include "ctl/top/keys.h"

namespace otto::ctl {
namespace {

// ---- text --------------------------------------------------------------------------------------

TEST(CtlText, NamesAreCutInTheMiddle) {
    EXPECT_EQ(fitted_name("abcdefghij", 5, true), "ab…ij");
    EXPECT_EQ(fitted_name("abcdefghij", 6, false), "ab~hij");
    EXPECT_EQ(fitted_name("abc", 5, true), "abc  ");
    EXPECT_EQ(fitted_name("日本日本日本", 6, true), "日…本 ");
    for (std::size_t columns = 0; columns < 30; ++columns)
        for (const char* name :
             {"日本語日本語日本語", "e\u0301e\u0301e\u0301e\u0301e\u0301", "", "\xff\xfe\xff\xfe"})
            EXPECT_EQ(columns_of(fitted_name(name, columns, true)), columns) << name << columns;
}

TEST(CtlText, NothingThatATerminalWouldActOnIsLeft) {
    EXPECT_EQ(harmless("a\x1b[2Jb\r\n\tc\x7f", true), "a?[2Jb???c?");
    EXPECT_EQ(harmless("a\xc2\x9b"
                       "31mb",
                       true),
              "a?31mb");
    EXPECT_EQ(harmless("left\u202eright\u200b\u2066\ufeff", true), "left?right???");
    EXPECT_EQ(harmless("\xff\xc0\xaf\xed\xa0\x80\xe2\x82", true), "????????");
    EXPECT_EQ(harmless("ä日本", true), "ä日本");
    EXPECT_EQ(harmless("ä日", false), "??");
    EXPECT_EQ(harmless("\u0301a\u0301", true), "?a\u0301");
}

TEST(CtlText, ColumnsAreThoseOfTheTerminal) {
    EXPECT_EQ(columns_of(""), 0u);
    EXPECT_EQ(columns_of("abc"), 3u);
    EXPECT_EQ(columns_of("ä"), 1u);
    EXPECT_EQ(columns_of("日本"), 4u);
    EXPECT_EQ(columns_of("e\u0301"), 1u);
    EXPECT_EQ(columns_of("🦦"), 2u);
}

TEST(CtlText, FittedHasExactlyItsColumns) {
    EXPECT_EQ(fitted("abc", 5, Align::left, true), "abc  ");
    EXPECT_EQ(fitted("abc", 5, Align::right, true), "  abc");
    EXPECT_EQ(fitted("abcdef", 4, Align::left, true), "abc…");
    EXPECT_EQ(fitted("abcdef", 4, Align::left, false), "abc~");
    // Half of a wide character does not exist.
    EXPECT_EQ(fitted("日本語", 4, Align::left, true), "日… ");
    for (std::size_t width = 0; width < 12; ++width)
        for (const char* text :
             {"", "a", "日本語日本語", "e\u0301e\u0301e\u0301", "\x1b\x1b\x1b", "ä日x"})
            EXPECT_EQ(columns_of(fitted(text, width, Align::left, true)), width) << text << width;
}

// ---- figures -----------------------------------------------------------------------------------

TEST(CtlFigures, RatesAndLatenciesAreShort) {
    EXPECT_EQ(rate_text(0), "0");
    EXPECT_EQ(rate_text(0.3), "0.3");
    EXPECT_EQ(rate_text(9.96), "10");
    EXPECT_EQ(rate_text(12345.6), "12346");
    EXPECT_EQ(rate_text(250000), "250k");
    EXPECT_EQ(latency_text(std::nullopt, true), "-");
    EXPECT_EQ(latency_text(0.42, true), "420µs");
    EXPECT_EQ(latency_text(0.42, false), "420us");
    EXPECT_EQ(latency_text(1.25, true), "1.2ms");
    EXPECT_EQ(latency_text(350, true), "350ms");
    EXPECT_EQ(latency_text(61'000, true), "61.0s");
    EXPECT_EQ(span_text(std::chrono::seconds(119)), "119 s");
    EXPECT_EQ(span_text(std::chrono::minutes(5)), "5 min");
    EXPECT_EQ(span_text(std::chrono::hours(50)), "2 days");
}

TEST(CtlFigures, BarsAndSparklines) {
    EXPECT_EQ(bar(0, 4, true), "    ");
    EXPECT_EQ(bar(1, 4, true), "████");
    EXPECT_EQ(bar(0.5, 4, true), "██  ");
    EXPECT_EQ(bar(0.0001, 2, true), "▏ ");
    EXPECT_EQ(bar(7, 2, true), "██");
    EXPECT_EQ(bar(0.5, 4, false), "##  ");
    const std::vector<float> values{0, 1, 4, 7};
    EXPECT_EQ(sparkline(values, 6, true), "  ▁▂▅█");
    EXPECT_EQ(sparkline(values, 2, true), "▅█");
    EXPECT_EQ(sparkline(values, 4, false), "_.=#");
    EXPECT_EQ(sparkline(std::vector<float>{0, 0}, 2, true), "▁▁");
    EXPECT_EQ(sparkline({}, 3, true), "   ");
}

// ---- events ------------------------------------------------------------------------------------

TEST(CtlEventParser, TakesAStreamApartWhereverItIsCut) {
    const std::string stream =
        ": a comment\n\nevent: record\nid: 7\ndata: {\"a\":1}\n\n"
        "event: counters\r\ndata: one\r\ndata:two\r\n\r\ndata\n\nevent: nothing\n\nid: 8\ndata: "
        "x\n\n";
    for (std::size_t cut = 1; cut <= stream.size(); ++cut) {
        EventParser parser;
        std::vector<Event> events;
        for (std::size_t at = 0; at < stream.size(); at += cut)
            for (Event& event : parser.feed(std::string_view(stream).substr(at, cut)))
                events.push_back(std::move(event));
        ASSERT_EQ(events.size(), 4u) << cut;
        EXPECT_EQ(events[0].type, "record");
        EXPECT_EQ(events[0].id, "7");
        EXPECT_EQ(events[0].data, "{\"a\":1}");
        EXPECT_EQ(events[1].type, "counters");
        EXPECT_EQ(events[1].data, "one\ntwo");
        EXPECT_EQ(events[2].type, "message");
        EXPECT_EQ(events[2].data, "");
        EXPECT_EQ(events[3].data, "x");
        EXPECT_EQ(parser.last_id(), "8");
    }
}

TEST(CtlEventParser, AnotherStreamBeginsAnew) {
    EventParser parser;
    EXPECT_EQ(parser.feed("id: 3\ndata: a\n\nevent: record\ndata: lost").size(), 1u);
    parser.restart();
    const auto events = parser.feed("data: b\n\n");
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].type, "message");
    EXPECT_EQ(events[0].data, "b");
    EXPECT_EQ(parser.last_id(), "3");
}

TEST(CtlEvents, ARecordIsOneHarmlessLine) {
    ::setenv("TZ", "UTC-2", 1);
    ::tzset();
    const std::string data =
        R"({"time":"2026-11-23T23:35:08.123Z","priority":"warning","type":"x",)"
        R"("text":"a\nb\u001b[2J","fields":{}})";
    EXPECT_EQ(record_line(data, Output(false)),
              "2026-11-24 01:35:08  warning  a\\u000ab\\u001b[2J\n");
    EXPECT_EQ(record_line(R"({"time":"?","priority":"info","text":"a"})", Output(false)),
              "?  info     a\n");
    EXPECT_EQ(record_line("[", Output(false)), "");
    EXPECT_EQ(json_line("record", "5", R"({ "type": "x" })"),
              "{\"event\":\"record\",\"id\":\"5\",\"type\":\"x\"}\n");
    ::unsetenv("TZ");
    ::tzset();
}

// ---- keys --------------------------------------------------------------------------------------

std::string names(const std::vector<KeyPress>& keys) {
    std::string text;
    for (const KeyPress& press : keys)
        text +=
            press.key == Key::character ? press.character : "UDudhe"[static_cast<int>(press.key)];
    return text;
}

TEST(CtlKeys, SequencesOfTerminals) {
    KeyReader reader;
    EXPECT_EQ(names(reader.feed("q")), "q");
    EXPECT_EQ(names(reader.feed("\x1b[A\x1b[B\x1b[5~\x1b[6~\x1b[H\x1b[F")), "UDudhe");
    EXPECT_EQ(names(reader.feed("\x1bOA\x1b[1~\x1b[4~\x1b[7~\x1b[8~\x1b[1;5A")), "UheheU");
    EXPECT_EQ(names(reader.feed("\x1b[2~\x1b[15~\x1b[Zx")), "x");
    // Cut in two; a lone escape does not swallow what follows.
    EXPECT_EQ(names(reader.feed("\x1b")), "");
    EXPECT_EQ(names(reader.feed("[")), "");
    EXPECT_EQ(names(reader.feed("A")), "U");
    EXPECT_EQ(names(reader.feed("\x1b")), "");
    EXPECT_EQ(names(reader.feed("q")), "q");
    EXPECT_EQ(names(reader.feed("\x1b[" + std::string(100, '1'))), "");
    EXPECT_EQ(names(reader.feed("q")), "q");
}

// ---- the fleet ---------------------------------------------------------------------------------

Json list(const std::string& text) {
    return *Json::parse(text);
}

TEST(CtlFleet, EventsKeepTheServersUpToDate) {
    Fleet fleet;
    fleet.set_servers(list(
        R"([{"id":"a","name":"one","state":"active","health":"healthy","why":"w","share":0.5},
            {"id":"b","name":"two","state":"active","health":"unhealthy","reason":"r"},
            {"id":"c","name":"three","state":"drain","health":"healthy","ejected":true}])"));
    EXPECT_TRUE(fleet.apply({"counters", "", R"({"state":"running","requestsPerSecond":3.5,
        "latency":{"p50":1.5,"p90":null,"p99":9},"total":3,
        "servers":[["a",3.5,0,0.1,4,1.5,null],["nobody",1,1,1,1,1,1],["b",1]]})"}));
    EXPECT_EQ(fleet.counters().requests_per_second, 3.5);
    EXPECT_EQ(fleet.counters().p50, 1.5);
    EXPECT_EQ(fleet.counters().p90, std::nullopt);
    const FleetServer& one = fleet.servers()[0];
    EXPECT_EQ(one.active, 4u);
    EXPECT_EQ(one.p50, 1.5);
    EXPECT_EQ(one.p99, std::nullopt);
    EXPECT_EQ(one.history, std::vector<float>{3.5});
    EXPECT_EQ(fleet.servers()[1].why, "r");
    // A server without news keeps its figures, and its history goes on.
    EXPECT_TRUE(fleet.apply({"counters", "", "{}"}));
    EXPECT_EQ(fleet.servers()[0].history, (std::vector<float>{3.5, 3.5}));

    EXPECT_TRUE(fleet.apply({"servers", "", R"({"changed":[
        {"id":"a","name":"uno","state":"disabled"},{"id":"d","name":"four","state":"active"}],
        "removed":["b"]})"}));
    ASSERT_EQ(fleet.servers().size(), 3u);
    EXPECT_EQ(fleet.servers()[0].name, "uno");
    EXPECT_EQ(fleet.servers()[0].history.size(), 2u);
    EXPECT_EQ(fleet.servers()[2].name, "four");
    EXPECT_TRUE(fleet.apply({"counters", "", R"({"servers":[["d",7,0,0,0,null,null]]})"}));
    EXPECT_EQ(fleet.servers()[2].requests_per_second, 7);
    for (int second = 0; second < 100; ++second) fleet.apply({"counters", "", "{}"});
    EXPECT_EQ(fleet.servers()[0].history.size(), Fleet::remembered);

    EXPECT_FALSE(fleet.apply({"record", "", "{}"}));
    for (const char* data : {"", "[", "3", R"({"servers":3})", R"({"servers":[3,[],["a"]]})",
                             R"({"servers":[["a",null,"x",{},-1,[],true]]})"})
        fleet.apply({"counters", "", data});
    for (const char* data : {"{}", R"({"changed":3,"removed":[null]})", R"({"changed":[3]})"})
        fleet.apply({"servers", "", data});
    EXPECT_EQ(fleet.servers()[0].active, 0u);
}

TEST(CtlFleet, TheAgeOfAStateGoesOn) {
    Fleet fleet;
    fleet.set_servers(list(
        R"([{"id":"a","state":"active","health":"healthy","healthForSeconds":58,
             "why":"healthy for 58 s, starting slowly with 40 % of its share"},
            {"id":"b","state":"active","health":"unhealthy","healthForSeconds":3,
             "why":"unhealthy for 3 s: connection refused"},
            {"id":"c","state":"active","health":"healthy","ejected":true,"ejectedForSeconds":20,
             "healthForSeconds":100,"why":"ejected for 20 s: 5 errors in a row"},
            {"id":"d","state":"drain","health":"healthy","why":"draining: 3 requests left"},
            {"id":"e","state":"active","health":"healthy","why":"healthy for 1"},
            {"id":"f","state":"active","health":"healthy","why":"healthy for 1 s"}])"));
    fleet.apply({"counters", "", R"({"state":"running","uptimeSeconds":1000})"});
    EXPECT_EQ(why_now(fleet.servers()[1]), "unhealthy for 3 s: connection refused");
    fleet.apply({"counters", "", R"({"state":"running","uptimeSeconds":1100})"});
    EXPECT_EQ(why_now(fleet.servers()[0]),
              "healthy for 2 min, starting slowly with 40 % of its share");
    EXPECT_EQ(why_now(fleet.servers()[1]), "unhealthy for 103 s: connection refused");
    EXPECT_EQ(why_now(fleet.servers()[2]), "ejected for 0 s: 5 errors in a row");
    EXPECT_EQ(why_now(fleet.servers()[3]), "draining: 3 requests left");
    EXPECT_EQ(why_now(fleet.servers()[4]), "healthy for 1");
    EXPECT_EQ(why_now(fleet.servers()[5]), "healthy for 100 s");
    // Otto has begun anew, and says all of it again.
    fleet.apply({"counters", "", R"({"state":"running","uptimeSeconds":1})"});
    EXPECT_EQ(why_now(fleet.servers()[1]), "unhealthy for 103 s: connection refused");
}

TEST(CtlFleet, AReplyMayHaveMoreValuesThanAFile) {
    EXPECT_TRUE(Json::parse("[1,2,3]", 4));
    EXPECT_FALSE(Json::parse("[1,2,3]", 3));
    std::string many = "[1";
    for (int count = 0; count < 250'000; ++count) many += ",1";
    EXPECT_FALSE(Json::parse(many + "]"));
    EXPECT_TRUE(Json::parse(many + "]", 2'000'000));
}

TEST(CtlFleet, Sorted) {
    Fleet fleet;
    fleet.set_servers(list(
        R"([{"id":"a","name":"b","state":"active","health":"healthy","requestsPerSecond":1},
            {"id":"b","name":"a","state":"active","health":"unhealthy","requestsPerSecond":3},
            {"id":"c","name":"c","state":"active","health":"healthy","ejected":true},
            {"id":"d","name":"d","state":"drain","health":"healthy","active":5,
             "latency":{"p99":2.5}}])"));
    const auto order = [&fleet](Sort by) {
        std::string text;
        for (const FleetServer* server : fleet.sorted(by)) text += server->name;
        return text;
    };
    EXPECT_EQ(order(Sort::order), "bacd");
    EXPECT_EQ(order(Sort::name), "abcd");
    EXPECT_EQ(order(Sort::state), "acdb");
    EXPECT_EQ(order(Sort::requests), "abcd");
    EXPECT_EQ(order(Sort::active), "dbac");
    EXPECT_EQ(order(Sort::p99), "dbac");
    EXPECT_EQ(state_word(fleet.servers()[2]), "ejected");
    EXPECT_EQ(state_word(fleet.servers()[3]), "drain");
}

}  // namespace
}  // namespace otto::ctl
