#include "admin/condition.h"

#include <algorithm>

#include <fmt/format.h>

#include "balance/slow_start.h"
#include "base/phrases.h"

namespace otto::admin {

namespace {

std::string left(std::uint32_t active) {
    return active == 0 ? "" : fmt::format(", {} left", counted(active, "request"));
}

std::string while_out(const Condition& condition) {
    const bool used = condition.failing_open && condition.share > 0;
    return used ? "; used anyway, because no server is healthy" : "";
}

std::string why_drained(const Member& member) {
    const std::uint32_t active = member.server->active();
    std::string text = active == 0 ? "drained: no requests left"
                                   : fmt::format("draining: {} left", counted(active, "request"));
    if (member.server->health() == Health::unhealthy) text += "; unhealthy";
    return text;
}

std::string why_ejected(const Condition& condition) {
    if (condition.half_open)
        return "half-open: the next request or check decides whether it returns to rotation" +
               while_out(condition);
    return fmt::format("ejected for {}: {}{}", rough_time(condition.ejected_for),
                       condition.ejection, while_out(condition));
}

/// Of a server that is in.
std::string why_healthy(const Member& member, const Condition& condition) {
    std::string text = "healthy for " + rough_time(condition.health_for);
    if (!condition.reason.ends_with("passed")) text += " (" + condition.reason + ")";
    if (member.weight == 0)
        return text + ", but its weight is 0: it receives no new requests" +
               left(member.server->active());
    if (member.backup && condition.share == 0)
        return text + "; a backup, used when no other server is available";
    if (condition.level < SlowStart::steps)
        text += fmt::format(", starting slowly with {} % of its share", condition.level * 10);
    if (condition.failures == 1) text += ", but the last check failed: " + condition.failure;
    if (condition.failures > 1)
        text += fmt::format(", but the last {} checks failed: {}", condition.failures,
                            condition.failure);
    const bool full =
        member.max_connections > 0 && member.server->active() >= member.max_connections;
    if (full)
        text += fmt::format(", at its limit with {}", counted(member.server->active(), "request"));
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
