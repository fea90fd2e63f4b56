// How Otto's service is said to be, in one place for all who say it.

#include "admin/service_verdict.h"

#include <gtest/gtest.h>

namespace otto::admin {
namespace {

using Tone = ServiceVerdict::Tone;

ServiceFacts five() {
    ServiceFacts facts;
    facts.total = 5;
    facts.receiving = 5;
    return facts;
}

void expect(const ServiceFacts& facts, Tone tone, const std::string& text,
            const std::vector<std::string>& notes = {}) {
    const ServiceVerdict verdict = verdict_of(facts);
    EXPECT_EQ(verdict.text, text);
    EXPECT_STREQ(to_string(verdict.tone), to_string(tone)) << text;
    EXPECT_EQ(verdict.notes, notes);
}

TEST(ServiceVerdict, IsGoodWhenAllIsWell) {
    expect(five(), Tone::good, "All 5 servers receive requests");
    ServiceFacts facts = five();
    facts.total = facts.receiving = 1;
    expect(facts, Tone::good, "The only server receives requests");
    facts = five();
    facts.receiving = 4;
    facts.drained = 1;
    expect(facts, Tone::good, "4 of 5 servers receive requests (1 drained)");
    facts = five();
    facts.changes = "run-time changes override these keys of the file: servers";
    expect(facts, Tone::good, "All 5 servers receive requests", {facts.changes});
}

TEST(ServiceVerdict, CountsWhoReceivesRequests) {
    ServiceFacts facts = five();
    facts.receiving = 1;
    facts.unhealthy = 1;
    facts.ejected = 1;
    facts.drained = 1;
    facts.disabled = 1;
    expect(facts, Tone::warning,
           "1 of 5 servers receives requests (1 unhealthy, 1 ejected, 1 drained, 1 disabled)");
}

TEST(ServiceVerdict, IsNeverGoodWhileRequestsFail) {
    ServiceFacts facts = five();
    facts.requests_per_second = 100;
    facts.errors_per_second = 97;
    expect(facts, Tone::bad, "All 5 servers receive requests", {"97 % of requests fail"});
    facts.errors_per_second = 5;
    expect(facts, Tone::warning, "All 5 servers receive requests", {"5 % of requests fail"});
    facts.errors_per_second = 4;
    expect(facts, Tone::good, "All 5 servers receive requests");
    facts.requests_per_second = 0.1;
    facts.errors_per_second = 0.1;
    expect(facts, Tone::good, "All 5 servers receive requests");
}

TEST(ServiceVerdict, NamesOutages) {
    ServiceFacts facts = five();
    facts.receiving = 5;
    facts.unhealthy = 5;
    facts.failing_open = true;
    expect(facts, Tone::bad,
           "Failing open: no server is healthy, so requests go to unhealthy or ejected servers");
    facts = five();
    facts.receiving = 0;
    facts.no_server = true;
    expect(facts, Tone::bad, "No server is available: requests are answered with 503");
    facts.drained = 3;
    facts.disabled = 2;
    expect(facts, Tone::bad, "All servers are drained or disabled: requests are answered with 503");
    expect({}, Tone::bad, "No server is configured: requests are answered with 503");
    facts = five();
    facts.receiving = 0;
    facts.unknown = 5;
    expect(facts, Tone::warning, "Starting: no server has been checked yet");
    facts.draining = true;
    facts.connections = 1;
    expect(facts, Tone::warning, "Draining: 1 connection left");
}

TEST(ServiceVerdict, NotesWhatElseIsWrong) {
    ServiceFacts facts = five();
    facts.queue_full = true;
    facts.access_log_bad = true;
    facts.file_error = "the file has errors";
    facts.port = "the port differs";
    expect(facts, Tone::warning, "All 5 servers receive requests",
           {"the queue is full: requests are answered with 503", "the access log cannot be written",
            "the file has errors", "the port differs"});
}

}  // namespace
}  // namespace otto::admin
