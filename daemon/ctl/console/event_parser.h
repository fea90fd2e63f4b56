#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace otto::ctl {

/// A server-sent event.
struct Event {
    std::string type;
    std::string id;  // the last one that was given, by this event or an earlier one
    std::string data;
};

/// Takes a stream of events apart as it arrives (WHATWG HTML §9.2.6). Memory is bounded.
class EventParser {
  public:
    /// The events that are complete with these bytes.
    std::vector<Event> feed(std::string_view bytes);
    /// Begins anew, with another stream; the last id stays.
    void restart();

    const std::string& last_id() const { return last_id_; }
    /// An event has become larger than any that Otto sends: this is no stream of Otto's.
    bool too_large() const { return too_large_; }

  private:
    void take_line(std::string_view line, std::vector<Event>& events);

    std::string rest_;  // of a line
    std::string type_;
    std::string data_;
    std::string last_id_;
    bool has_data_ = false;
    bool too_large_ = false;
};

}  // namespace otto::ctl
