#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "plan.h"

namespace exchanges {

/// Bytes that a connection is to send, and what is to happen between them.
class Outgoing {
  public:
    struct Stop {
        enum class What { pause, hold, end };

        std::uint64_t at = 0;  // once so many bytes of the connection have been sent
        What what = What::pause;
        nanoseconds wait{};  // pause; before the end
        Ending ending = Ending::none;
    };
    enum class State { idle, blocked, stopped, broken };

    /// Where the next byte that is added will stand.
    std::uint64_t end() const { return sent_ + (wire_.size() - gone_); }
    std::uint64_t sent() const { return sent_; }
    void add(std::string_view bytes) { wire_ += bytes; }
    /// Of two at the same position the first one comes first.
    void add_stop(const Stop& stop);
    /// Adds the pauses of bytes from `begin` to the end, unless something else stops there.
    void add_pauses(std::uint64_t begin, const Pace& pace);
    /// Sends as far as the socket and the next stop allow.
    State flush(int socket);
    /// What flush() stopped at; taken away.
    Stop take_stop();
    bool holds() const { return !stops_.empty() && stops_.front().what == Stop::What::hold; }

  private:
    std::string wire_;
    std::size_t gone_ = 0;  // of wire_
    std::uint64_t sent_ = 0;
    std::deque<Stop> stops_;
};

/// Ends a connection: by a FIN, or by an RST where there is such a thing.
void end_connection(int socket, Ending ending);

}  // namespace exchanges
