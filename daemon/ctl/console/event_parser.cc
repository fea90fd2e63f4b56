#include "ctl/console/event_parser.h"

#include <utility>

namespace otto::ctl {

namespace {

constexpr std::size_t largest_event = 64 * 1024 * 1024;

}  // namespace

std::vector<Event> EventParser::feed(std::string_view bytes) {
    std::vector<Event> events;
    rest_ += bytes;
    std::size_t begin = 0;
    for (;;) {
        const std::size_t end = rest_.find('\n', begin);
        if (end == std::string::npos) break;
        std::string_view line = std::string_view(rest_).substr(begin, end - begin);
        if (line.ends_with('\r')) line.remove_suffix(1);
        take_line(line, events);
        begin = end + 1;
    }
    rest_.erase(0, begin);
    if (rest_.size() + data_.size() > largest_event) {
        too_large_ = true;
        restart();
    }
    return events;
}

void EventParser::restart() {
    rest_.clear();
    type_.clear();
    data_.clear();
    has_data_ = false;
}

void EventParser::take_line(std::string_view line, std::vector<Event>& events) {
    if (line.empty()) {
        if (has_data_)
            events.push_back({type_.empty() ? "message" : type_, last_id_, std::move(data_)});
        type_.clear();
        data_.clear();
        has_data_ = false;
        return;
    }
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (name == "event") {
        type_ = value;
    } else if (name == "data") {
        if (has_data_) data_ += '\n';
        data_ += value;
        has_data_ = true;
    } else if (name == "id" && value.find('\0') == std::string_view::npos) {
        last_id_ = value;
    }
}

}  // namespace otto::ctl
