#include "admin/events.h"

#include <utility>

namespace otto::admin {

namespace {

/// Browsers come back after so many milliseconds when the stream ends.
constexpr std::string_view preface = "retry: 1000\n\n";

}  // namespace

Events::Events(const Control& control, const Changes& changes, Out out)
    : out_(std::move(out)),
      log_(std::chrono::system_clock::now()),
      counters_(control),
      servers_(control, changes) {}

void Events::add(const LogRecord& record) {
    tell(log_.add(record));
}

void Events::tick(TimePoint now) {
    if (listeners_.empty()) return;
    const std::string changed = servers_.next(now);
    if (!changed.empty()) tell(event_text("servers", changed));
    tell(event_text("counters", counters_.next()));
}

void Events::join(std::uint64_t listener, std::optional<std::uint64_t> last_id, TimePoint now) {
    if (listeners_.empty()) {
        servers_.begin(now);
        counters_.next();
    }
    const bool there = out_.push(listener, std::string(preface) + log_.after(last_id)) &&
                       out_.push(listener, event_text("counters", counters_.all()));
    if (there) listeners_.push_back(listener);
}

void Events::leave(std::uint64_t listener) {
    std::erase(listeners_, listener);
}

void Events::close() {
    for (const std::uint64_t listener : std::exchange(listeners_, {})) out_.end(listener);
}

void Events::tell(std::string_view text) {
    std::erase_if(listeners_,
                  [this, text](std::uint64_t listener) { return !out_.push(listener, text); });
}

}  // namespace otto::admin
