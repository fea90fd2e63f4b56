#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/json.h"
#include "ctl/console/event_parser.h"

namespace otto::ctl {

/// What goes on, from a "counters" event. Latencies are in milliseconds; there is none without
/// requests.
struct Counters {
    std::string state;
    std::string tone, verdict;  // how the service is: "good", "warning" or "bad", and why
    double uptime_seconds = 0;
    double requests_per_second = 0, errors_per_second = 0, retries_per_second = 0;
    std::optional<double> p50, p90, p99;
    std::uint64_t active = 0, queued = 0, connections = 0;
    std::uint64_t healthy = 0, total = 0;
};

struct FleetServer {
    std::string id, name, state, health, why;
    bool ejected = false;
    bool backup = false;
    double seconds = 0;  // that it has been as `why` says, or is to stay ejected, when it was told
    double age = 0;      // seconds since it was told
    double share = 0;
    double requests_per_second = 0, errors_per_second = 0, retries_per_second = 0;
    std::uint64_t active = 0;
    std::optional<double> p50, p99;
    std::vector<float> history;  // requests per second, the newest last
};

enum class Sort { order, name, state, requests, errors, retries, active, p50, p99 };

/// All servers as they are now, and how they were in the last minute: what GET /api/v1/servers
/// said, kept up to date by events.
class Fleet {
  public:
    static constexpr std::size_t remembered = 60;  // values of a history

    /// The whole list, in its order; the history of servers that were known stays.
    void set_servers(const Json& list);
    /// False when the event is none of those that tell how servers are.
    bool apply(const Event& event);

    const Counters& counters() const { return counters_; }
    /// In the order of the configuration; those added later last.
    const std::vector<FleetServer>& servers() const { return servers_; }
    /// The greatest first, those in trouble first; names as they sort. Equal ones in their order.
    std::vector<const FleetServer*> sorted(Sort by) const;

  private:
    void apply_counters(const Json& data);
    void apply_row(const Json& row);
    void apply_servers(const Json& data);
    void put(const Json& server);
    void index();

    Counters counters_;
    std::vector<FleetServer> servers_;
    std::unordered_map<std::string, std::size_t> places_;  // by id
};

/// "healthy", "ejected", "drain", …: what counts first.
std::string state_word(const FleetServer& server);

/// Why it is as it is. "healthy for 2 min" goes on counting, though Otto tells it only when
/// something else changes.
std::string why_now(const FleetServer& server);

}  // namespace otto::ctl
