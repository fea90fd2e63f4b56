#include "admin/events.h"

#include <utility>

namespace otto::admin {

namespace {

/// Browsers come back after so many milliseconds when the stream ends.
const http::SharedText preface{"retry: 1000\n\n", nullptr};

}  // namespace

Events::Events(const Control& control, const Changes& changes, Out out)
    : out_(std::move(out)),
      log_(std::chrono::system_clock::now()),
      counters_(control),
      servers_(control, changes) {}

void Events::add(const LogRecord& record) {
    const std::string& event = log_.add(record);
    if (!listeners_.empty()) tell(http::SharedText::of(event));
}

void Events::tick(TimePoint now) {
    if (listeners_.empty()) return;
    if (stage_ == Stage::none) {
        start(now, true);
    } else {
        due_ = true;
    }
}

void Events::join(std::uint64_t listener, std::optional<std::uint64_t> last_id, TimePoint now) {
    newcomers_.push_back({listener, last_id});
    if (stage_ == Stage::none) start(now, false);
}

void Events::leave(std::uint64_t listener) {
    const auto same = [listener](const Newcomer& each) { return each.listener == listener; };
    std::erase(listeners_, listener);
    std::erase_if(newcomers_, same);
    std::erase_if(welcome_, same);
}

void Events::close() {
    for (auto* list : {&welcome_, &newcomers_})
        for (const Newcomer& each : std::exchange(*list, {}))
            if (out_.begin(each.listener)) out_.end(each.listener);
    for (const std::uint64_t listener : std::exchange(listeners_, {})) out_.end(listener);
}

// ---- rounds ------------------------------------------------------------------------------------

/// `all`: the listeners are due, too. Without any, what is so now counts as said.
void Events::start(TimePoint now, bool all) {
    time_ = now;
    if (all || listeners_.empty()) {
        stage_ = Stage::servers;
        servers_.begin(listeners_.empty());
    } else {
        start_everything();
    }
    out_.run([this] { return step(); });
}

void Events::start_everything() {
    stage_ = Stage::everything;
    for (const Newcomer& each : newcomers_) out_.make_room(each.listener, last_size_);
    counters_.begin_all();
}

/// False: the round is over.
bool Events::step() {
    switch (stage_) {
        case Stage::servers:
            if (servers_.step(time_)) return true;
            if (const std::string changed = servers_.take(); !changed.empty())
                tell_event("servers", changed);
            counters_.begin();
            stage_ = Stage::counters;
            return true;
        case Stage::counters:
            if (counters_.step()) return true;
            if (!listeners_.empty()) tell_event("counters", counters_.take());
            if (newcomers_.empty()) return end_round();
            start_everything();
            return true;
        case Stage::everything:
            if (counters_.step()) return true;
            everything_ = http::SharedText::of(event_text("counters", counters_.take()));
            history_ = http::SharedText::of(event_text("history", counters_.history()));
            last_size_ = everything_.text.size() + history_.text.size();
            welcome_ = std::exchange(newcomers_, {});
            stage_ = Stage::welcome;
            return true;
        case Stage::welcome:
            if (welcome_.empty()) return end_round();
            {
                const Newcomer newcomer = welcome_.back();
                welcome_.pop_back();
                welcome(newcomer);
            }
            return true;
        case Stage::none:
            break;
    }
    return false;
}

/// Begins the next one if there is anything to do.
bool Events::end_round() {
    stage_ = Stage::none;
    everything_ = history_ = {};
    const bool all = std::exchange(due_, false) && !listeners_.empty();
    if (all || !newcomers_.empty()) start(now(), all);
    return false;
}

void Events::welcome(const Newcomer& newcomer) {
    const std::uint64_t listener = newcomer.listener;
    if (!out_.begin(listener) || !out_.push(listener, preface)) return;
    const http::SharedText records = log_.after(newcomer.last_id);
    if (!records.text.empty() && !out_.push(listener, records)) return;
    if (!out_.push(listener, history_)) return;
    if (out_.push(listener, everything_)) listeners_.push_back(listener);
}

void Events::tell_event(std::string_view name, const std::string& data) {
    tell(http::SharedText::of(event_text(name, data)));
}

void Events::tell(const http::SharedText& text) {
    std::erase_if(listeners_,
                  [this, &text](std::uint64_t listener) { return !out_.push(listener, text); });
}

}  // namespace otto::admin
