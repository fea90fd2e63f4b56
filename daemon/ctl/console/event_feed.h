#pragma once

#include <vector>

#include "base/handle.h"
#include "base/time.h"
#include "ctl/console/client.h"
#include "ctl/console/event_parser.h"

namespace otto::ctl {

/// Otto's events, over as many connections as it takes: when one ends, since Otto is restarted or
/// the reader was too slow, another is opened, which begins where the last one ended. Its owner
/// polls fd() and calls retry().
class EventFeed {
  public:
    /// `client` outlives it; a readable `stop` ends all waiting.
    EventFeed(const Client& client, int stop) : client_(client), stop_(stop) {}

    /// Opens the first connection. What Otto answered: with status 200, events follow.
    Result<Reply> open();

    /// -1 while there is no connection.
    int fd() const { return fd_.get(); }
    bool connected() const { return static_cast<bool>(fd_); }
    /// Something is there for receive() already.
    bool has_begun() const { return !begun_.empty(); }
    /// What has arrived. When the connection turns out to have ended, connected() is false.
    std::vector<Event> receive();

    /// For poll(2), in milliseconds: until retry() is due; -1 while there is a connection.
    int time_to_retry() const;
    /// Tries once, if it is due: whether there is a connection now.
    bool retry();

  private:
    Result<Reply> connect(Duration patience);

    const Client& client_;
    const int stop_;
    UniqueFd fd_;
    EventParser parser_;
    std::string begun_;
    TimePoint retry_at_{};
};

}  // namespace otto::ctl
