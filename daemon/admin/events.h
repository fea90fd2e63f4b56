#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "admin/counters_feed.h"
#include "admin/event_log.h"
#include "admin/servers_feed.h"
#include "event/stretches.h"
#include "http/shared_text.h"

namespace otto::admin {

/// Who listens to /api/v1/events, and what they are told. Each event is rendered once and shared.
/// What grows with the number of servers is done in rounds, in stretches: what is different since
/// the last round, for all listeners, and everything, for those that have joined meanwhile. Without
/// listeners only records are kept, and nothing else costs anything. Owned by the API; control
/// thread.
class Events {
  public:
    struct Out {
        /// A listener's stream may begin. False when the listener has gone; so for push.
        std::function<bool(std::uint64_t listener)> begin;
        std::function<bool(std::uint64_t listener, const http::SharedText& text)> push;
        std::function<void(std::uint64_t listener)> end;
        /// A text of about `size` bytes will be made for this listener.
        std::function<void(std::uint64_t listener, std::size_t size)> make_room;
        /// Does a job in stretches.
        std::function<void(Stretches::Job)> run;
    };

    Events(const Control& control, const Changes& changes, Out out);

    /// A record of the journal.
    void add(const LogRecord& record);
    /// Once a second.
    void tick(TimePoint now);

    /// Wants to listen: its stream begins soon. `last_id` is that of the last record that its
    /// reader has (Last-Event-ID).
    void join(std::uint64_t listener, std::optional<std::uint64_t> last_id, TimePoint now);
    void leave(std::uint64_t listener);
    /// Otto ends: all streams do.
    void close();

  private:
    enum class Stage : std::uint8_t { none, servers, counters, everything, welcome };
    struct Newcomer {
        std::uint64_t listener;
        std::optional<std::uint64_t> last_id;
    };

    void start(TimePoint now, bool all);
    void start_everything();
    bool step();
    bool end_round();
    void welcome(const Newcomer& newcomer);
    void tell(const http::SharedText& text);
    void tell_event(std::string_view name, const std::string& data);

    const Out out_;
    EventLog log_;
    CountersFeed counters_;
    ServersFeed servers_;
    Stage stage_ = Stage::none;
    bool due_ = false;  // another round, for listeners
    TimePoint time_{};  // of the round
    http::SharedText history_;
    http::SharedText everything_;
    std::size_t last_size_ = 0;  // of it
    std::vector<Newcomer> newcomers_;
    std::vector<Newcomer> welcome_;  // newcomers whose turn it is
    std::vector<std::uint64_t> listeners_;
};

}  // namespace otto::admin
