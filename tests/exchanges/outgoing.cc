#include "outgoing.h"

#include <algorithm>

#include "bench/sockets.h"

namespace exchanges {

void Outgoing::add_stop(const Stop& stop) {
    const auto later = [](std::uint64_t at, const Stop& other) { return at < other.at; };
    stops_.insert(std::upper_bound(stops_.begin(), stops_.end(), stop.at, later), stop);
}

void Outgoing::add_pauses(std::uint64_t begin, const Pace& pace) {
    if (pace.piece == 0) return;
    for (unsigned i = 0; i < pace.pauses && begin + pace.piece < end(); ++i) {
        begin += pace.piece;
        add_stop({.at = begin, .what = Stop::What::pause, .wait = pace.pause});
    }
}

Outgoing::State Outgoing::flush(int socket) {
    for (;;) {
        const std::uint64_t until = stops_.empty() ? end() : std::min(end(), stops_.front().at);
        if (sent_ >= until) break;
        const auto piece = std::string_view(wire_).substr(gone_, until - sent_);
        const ssize_t sent = bench::send_bytes(socket, piece);
        if (sent == -EAGAIN) return State::blocked;
        if (sent < 0) return State::broken;
        gone_ += static_cast<std::size_t>(sent);
        sent_ += static_cast<std::uint64_t>(sent);
    }
    if (gone_ == wire_.size() || gone_ > 1 << 16) {
        wire_.erase(0, gone_);
        gone_ = 0;
    }
    return !stops_.empty() && stops_.front().at <= sent_ ? State::stopped : State::idle;
}

Outgoing::Stop Outgoing::take_stop() {
    const Stop stop = stops_.front();
    stops_.pop_front();
    return stop;
}

void end_connection(int socket, Ending ending) {
    if (ending != Ending::reset) return;
    const linger none{1, 0};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

}  // namespace exchanges
