#include "admin/service_verdict.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/phrases.h"

namespace otto::admin {

namespace {

using Tone = ServiceVerdict::Tone;

/// Shares of requests that fail, from which on all is not well, and most is not.
constexpr double some_errors = 0.05;
constexpr double many_errors = 0.5;
/// Below this rate a share of them means nothing.
constexpr double least_rate = 1;

/// "3 of 5 servers receive requests (1 unhealthy, 1 drained)".
std::string who_receives(const ServiceFacts& facts) {
    std::string why;
    const auto add = [&why](std::size_t count, const char* what) {
        if (count == 0) return;
        why += fmt::format("{}{} {}", why.empty() ? " (" : ", ", count, what);
    };
    add(facts.unhealthy, "unhealthy");
    add(facts.unknown, "not checked yet");
    add(facts.ejected, "ejected");
    add(facts.drained, "drained");
    add(facts.disabled, "disabled");
    if (!why.empty()) why += ")";
    if (facts.receiving != facts.total)
        return fmt::format("{} of {} {} requests{}", facts.receiving,
                           counted(facts.total, "server"),
                           facts.receiving == 1 ? "receives" : "receive", why);
    return facts.total == 1 ? "The only server receives requests"
                            : fmt::format("All {} servers receive requests{}", facts.total, why);
}

/// What is the matter with all servers; "" when it is nothing.
std::string outage(const ServiceFacts& facts) {
    if (facts.total == 0) return "No server is configured: requests are answered with 503";
    if (facts.no_server && facts.drained + facts.disabled == facts.total)
        return "All servers are drained or disabled: requests are answered with 503";
    if (facts.no_server) return "No server is available: requests are answered with 503";
    if (facts.failing_open)
        return "Failing open: no server is healthy, so requests go to unhealthy or ejected servers";
    return "";
}

}  // namespace

ServiceVerdict verdict_of(const ServiceFacts& facts) {
    ServiceVerdict verdict;
    const auto worse = [&verdict](Tone tone) { verdict.tone = std::max(verdict.tone, tone); };
    const auto note = [&](std::string text) {
        if (text.empty()) return;
        verdict.notes.push_back(std::move(text));
        worse(Tone::warning);
    };
    if (facts.draining) {
        verdict.text = fmt::format("Draining: {} left", counted(facts.connections, "connection"));
        worse(Tone::warning);
    } else if (verdict.text = outage(facts); !verdict.text.empty()) {
        worse(Tone::bad);
    } else if (facts.receiving == 0) {
        verdict.text = "Starting: no server has been checked yet";
        worse(Tone::warning);
    } else {
        verdict.text = who_receives(facts);
        if (facts.unhealthy + facts.unknown + facts.ejected > 0) worse(Tone::warning);
    }
    const double failed = facts.requests_per_second < least_rate
                              ? 0
                              : facts.errors_per_second / facts.requests_per_second;
    if (failed >= some_errors) {
        note(fmt::format("{:.0f} % of requests fail", std::min(failed, 1.0) * 100));
        if (failed >= many_errors) worse(Tone::bad);
    }
    if (facts.queue_full) note("the queue is full: requests are answered with 503");
    if (facts.access_log_bad) note("the access log cannot be written");
    if (!facts.file_error.empty()) note(facts.file_error);
    // What operators did at run time is no trouble by itself.
    if (!facts.changes.empty()) verdict.notes.push_back(facts.changes);
    note(facts.port);
    return verdict;
}

const char* to_string(ServiceVerdict::Tone tone) {
    switch (tone) {
        case Tone::good:
            return "good";
        case Tone::warning:
            return "warning";
        case Tone::bad:
            return "bad";
    }
    return "";
}

}  // namespace otto::admin
