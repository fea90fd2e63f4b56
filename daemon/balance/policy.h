#pragma once

#include <functional>
#include <span>
#include <string_view>

namespace otto {

struct Asked;
struct Choice;
struct Seat;
class Usable;

/// How one worker chooses for a request: one of the choices that `usable` accepts, or null when
/// there is none. It asks `usable` last, only about a choice that it would take. `takes_turn`: a
/// first try, which advances an order of turns.
using Chooser = std::function<const Choice*(const Asked& asked, bool takes_turn, Usable& usable)>;

/// What a policy has prepared for a list of choices, for all workers: it makes the Chooser of each.
/// Immutable, any thread; the choices outlive it.
using Plan = std::function<Chooser(const Seat& seat)>;

/// A balancing policy: a row of the table in policy.cc.
struct Policy {
    std::string_view name;  // in the configuration
    Plan (*plan)(std::span<const Choice> choices);
    bool by_client = false;   // needs Asked::client
    bool by_latency = false;  // needs Asked::now, and Server::note_latency() of each attempt
    bool in_order = false;    // the first choice that is not full receives all requests
};

/// All policies, the default first.
std::span<const Policy> policies();
/// Null when there is none of this name.
const Policy* find_policy(std::string_view name);

}  // namespace otto
