#include "admin/condition.h"

#include <algorithm>

#include <fmt/format.h>

#include "balance/slow_start.h"

namespace otto::admin {

namespace {

std::string requests(std::uint32_t count) {
    return fmt::format("{} {}", count, count == 1 ? "request" : "requests");
}

std::string left(std::uint32_t active) {
    return active == 0 ? "" : fmt::format(", {} left", requests(active));
}

std::string while_out(const Condition& condition) {
    const bool used = condition.failing_open && condition.share > 0;
    return used ? "; used all the same, as no server is healthy" : "";
}

std::string why_drained(const Member& member) {
    const std::uint32_t active = member.server->active();
    std::string text = active == 0 ? "drained: no requests left"
                                   : fmt::format("draining: {} left", requests(active));
    if (member.server->health() == Health::unhealthy) text += "; unhealthy";
    return text;
}

std::string why_ejected(const Condition& condition) {
    if (condition.on_trial)
        return "on trial: the next request or check decides whether it is back" +
               while_out(condition);
    return fmt::format("ejected for {}: {}{}", rough_time(condition.ejected_for),
                       condition.ejection, while_out(condition));
}

/// Of a server that is in.
std::string why_healthy(const Member& member, const Condition& condition) {
    std::string text = "healthy for " + rough_time(condition.health_for);
    if (!condition.reason.ends_with("passed")) text += " (" + condition.reason + ")";
    if (member.weight == 0)
        return text + ", but its weight is 0: it gets no new requests" +
               left(member.server->active());
    if (member.backup && condition.share == 0)
        return text + "; a backup, used when no other server is left";
    if (condition.level < SlowStart::steps)
        text += fmt::format(", starting slowly with {} % of its share", condition.level * 10);
    if (condition.failures == 1) text += ", but the last check failed: " + condition.failure;
    if (condition.failures > 1)
        text += fmt::format(", but the last {} checks failed: {}", condition.failures,
                            condition.failure);
    const bool full =
        member.max_connections > 0 && member.server->active() >= member.max_connections;
    if (full) text += fmt::format(", full with {}", requests(member.server->active()));
    return text;
}

}  // namespace

std::string why(const Member& member, const Condition& condition) {
    switch (member.state) {
        case ServerState::disabled:
            return "disabled: not checked, no new requests" + left(member.server->active());
        case ServerState::drain:
            return why_drained(member);
        case ServerState::active:
            break;
    }
    switch (member.server->health()) {
        case Health::unknown:
            return condition.reason + while_out(condition);
        case Health::unhealthy:
            return fmt::format("unhealthy for {}: {}{}", rough_time(condition.health_for),
                               condition.reason, while_out(condition));
        case Health::healthy:
            return condition.ejected ? why_ejected(condition) : why_healthy(member, condition);
    }
    return "";
}

std::string rough_time(Duration duration) {
    using namespace std::chrono;
    const auto whole = std::max<long long>(duration_cast<seconds>(duration).count(), 0);
    if (whole < 100) return fmt::format("{} s", whole);
    if (whole < 100 * 60) return fmt::format("{} min", whole / 60);
    if (whole < 48 * 3600) return fmt::format("{} h", whole / 3600);
    return fmt::format("{} days", whole / 86400);
}

}  // namespace otto::admin
