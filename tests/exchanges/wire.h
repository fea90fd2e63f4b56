#pragma once

#include <string>

#include "plan.h"

namespace exchanges {

/// The parts of a message, in the order of the wire.
struct Wire {
    std::string bytes;
    std::uint64_t head = 0;  // so many of them
};

Marker request_marker(const Seed& seed, std::uint64_t id);
Marker reply_marker(const Seed& seed, std::uint64_t id, unsigned attempt);

std::string request_target(std::uint64_t id);
/// The id in "GET /x/ID", or nothing.
std::optional<std::uint64_t> id_in(std::string_view method_and_target);

/// `cookie`: the value of a Cookie field, or "".
Wire write_request(const Seed& seed, const ExchangePlan& plan, std::string_view cookie);
/// Without the body for a request that gets none. Surplus bytes stand behind it.
Wire write_reply(const Seed& seed, const ExchangePlan& exchange, unsigned attempt,
                 const AttemptPlan& plan);

}  // namespace exchanges
