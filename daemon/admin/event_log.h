#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "http/shared_text.h"
#include "log/journal.h"

namespace otto::admin {

/// An event of a stream of server-sent events (HTML Living Standard §9.2). `data` is one line; `id`
/// 0 is none.
std::string event_text(std::string_view name, std::string_view data, std::uint64_t id = 0);

/// The last records of the journal as events, for those who come later. Their ids count up from the
/// time that it was made, in milliseconds, so that those of a later process are greater. Of one
/// thread.
class EventLog {
  public:
    static constexpr std::size_t most = 200;
    /// Of these, failed requests, which come in crowds and must not displace what else happened.
    static constexpr std::size_t most_of_requests = 50;
    /// A longer text, or value of a field, is cut.
    static constexpr std::size_t longest_text = 4096;

    explicit EventLog(std::chrono::system_clock::time_point now);

    /// Keeps it; the event.
    const std::string& add(const LogRecord& record);
    /// Those after `id`, as one text: all that are kept when it is not one of them, as it may come
    /// from before a restart.
    http::SharedText after(std::optional<std::uint64_t> id);

  private:
    std::uint64_t next_;
    http::SharedText all_;  // those that are kept; empty: to be made
    struct Kept {
        std::uint64_t id;
        bool of_request;
        std::string text;
    };
    std::deque<Kept> kept_;  // the last has the id next_ - 1
    std::size_t of_requests_ = 0;
};

}  // namespace otto::admin
