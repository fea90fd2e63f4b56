#include "control/status_report.h"

#include <gtest/gtest.h>

namespace otto::control {

namespace {

StatusFacts facts() {
    StatusFacts facts;
    facts.service.total = facts.service.receiving = facts.healthy = 5;
    facts.service.connections = 1;
    facts.service.requests_per_second = 12.4;
    return facts;
}

TEST(StatusLine, WhenAllIsWell) {
    EXPECT_EQ(status_line(facts()), "5/5 servers healthy, 12 requests/s, 1 connection");
}

TEST(StatusLine, CountsServersThatAreOut) {
    StatusFacts some = facts();
    some.healthy = 3;
    some.service.ejected = 1;
    EXPECT_EQ(status_line(some), "3/5 servers healthy (1 ejected), 12 requests/s, 1 connection");
    some.draining = 2;
    some.service.disabled = 1;
    EXPECT_EQ(status_line(some),
              "3/5 servers healthy (1 ejected, 2 drained, 1 disabled), 12 requests/s, "
              "1 connection");
}

TEST(StatusLine, NamesAnOutageAndWhatElseOperatorsNeedToKnow) {
    StatusFacts some = facts();
    some.service.failing_open = true;
    some.service.file_error = "the file has errors";
    EXPECT_EQ(status_line(some),
              "5/5 servers healthy, 12 requests/s, 1 connection; failing open; the file has "
              "errors");
    some = facts();
    some.service.no_server = true;
    some.why_unavailable = "all servers are drained or disabled";
    EXPECT_EQ(status_line(some),
              "5/5 servers healthy, 12 requests/s, 1 connection; all servers are drained or "
              "disabled, answering 503");
}

TEST(StatusLine, WhileOttoStopsOnlyConnectionsMatter) {
    StatusFacts some = facts();
    some.service.draining = true;
    some.service.failing_open = true;
    some.service.connections = 7;
    EXPECT_EQ(status_line(some), "Draining: 7 connections left");
}

}  // namespace

}  // namespace otto::control
