#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "random.h"

namespace exchanges {

using std::chrono::nanoseconds;

/// What the run is about. `mixed`: everything. `resets`: small bodies that are larger than
/// perRequestBuffer, and servers that fail at random points.
enum class Profile { mixed, resets };

struct Seed {
    std::uint64_t number = 0;
    Profile profile = Profile::mixed;
};

/// How bytes are sent: after each `piece` a pause, at most `pauses` times. 0: all at once.
struct Pace {
    std::uint64_t piece = 0;
    nanoseconds pause{};
    unsigned pauses = 0;
};

/// How a connection is ended.
enum class Ending { none, finish, reset };

/// A body and how its length is told.
struct BodyPlan {
    enum class Framing { none, length, chunked, until_close };

    Framing framing = Framing::none;
    std::uint64_t size = 0;
    std::uint64_t chunk = 0;  // the largest
};

/// One request, as its client sends it.
struct ExchangePlan {
    enum class Fault { none, garbage, two_framings, bad_chunk };

    std::uint64_t id = 0;
    std::string_view method;
    bool idempotent = false;
    bool http10 = false;
    bool keep_alive = true;
    bool expects = false;  // 100 (Continue)
    BodyPlan body;
    std::uint64_t padding = 0;  // of the head
    Pace pace;
    Fault fault = Fault::none;
    Ending abort = Ending::none;                 // of the client's connection
    std::uint64_t abort_permille = 0;            // of the request's bytes
    std::optional<std::uint64_t> abort_reading;  // once so many bytes of the reply have come

    bool is_head() const { return method == "HEAD"; }
};

/// What a server does when an exchange reaches it for the n-th time.
struct AttemptPlan {
    enum class Trigger { head, body, end };
    enum class Action { reply, close, garbage, silence };

    Trigger trigger = Trigger::end;
    std::uint64_t trigger_permille = 0;  // of the request's body
    Action action = Action::reply;
    nanoseconds think{};           // before it acts
    nanoseconds read_pause{};      // before it reads the body
    Ending ending = Ending::none;  // action close; after the reply; or where it is cut
    nanoseconds ending_after{};    // the time from the reply to that
    bool announces_close = false;
    bool continues = false;  // says 100 (Continue) if asked to
    unsigned interim = 0;
    unsigned status = 200;
    BodyPlan body;
    std::uint64_t padding = 0;
    Pace pace;
    std::optional<std::uint64_t> cut_permille;  // of the reply's bytes
    bool bad_chunk = false;
    std::uint64_t surplus = 0;
    bool surplus_is_reply = false;

    /// Whether a client may see the reply end well.
    bool is_whole() const { return action == Action::reply && !cut_permille && !bad_chunk; }
};

/// One connection of a client.
struct ConnectionPlan {
    bool over_unix = false;
    unsigned requests = 1;
    unsigned depth = 1;  // requests sent ahead of replies
    Ending ending = Ending::finish;
    bool half_closes = false;      // after the last request, before its reply
    std::uint64_t read_piece = 0;  // of the first reads
    nanoseconds read_pause{};      // after each
    unsigned slow_reads = 0;       // so many are such
    nanoseconds stall{};           // before the first reply is read
};

ExchangePlan plan_exchange(const Seed& seed, std::uint64_t id);
AttemptPlan plan_attempt(const Seed& seed, const ExchangePlan& exchange, unsigned attempt);
ConnectionPlan plan_connection(const Seed& seed, std::uint64_t number);

}  // namespace exchanges
