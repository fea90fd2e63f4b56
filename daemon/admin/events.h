#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "admin/counters_feed.h"
#include "admin/event_log.h"
#include "admin/servers_feed.h"

namespace otto::admin {

/// Who listens to /api/v1/events, and what they are told. Each event is rendered once for all.
/// Without listeners only records are kept, and nothing else costs anything. Owned by the API;
/// control thread.
class Events {
  public:
    struct Out {
        /// False when the listener has gone.
        std::function<bool(std::uint64_t listener, std::string_view text)> push;
        std::function<void(std::uint64_t listener)> end;
    };

    Events(const Control& control, const Changes& changes, Out out);

    /// A record of the journal.
    void add(const LogRecord& record);
    /// Once a second.
    void tick(TimePoint now);

    /// A stream has begun. `last_id` is that of the last record that its reader has (Last-Event-
    /// ID).
    void join(std::uint64_t listener, std::optional<std::uint64_t> last_id, TimePoint now);
    void leave(std::uint64_t listener);
    /// Otto ends: all streams do.
    void close();

  private:
    void tell(std::string_view text);

    const Out out_;
    EventLog log_;
    CountersFeed counters_;
    ServersFeed servers_;
    std::vector<std::uint64_t> listeners_;
};

}  // namespace otto::admin
