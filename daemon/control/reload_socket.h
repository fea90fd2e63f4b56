#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/handle.h"
#include "base/result.h"
#include "event/loop.h"
#include "event/watch.h"

namespace otto::control {

/// Where `otto --reload` asks the running Otto for a reload, and waits for what comes of it: the
/// UNIX socket reload.sock in the state directory, which root and Otto's own user alone may enter.
/// A connection is a request; the answer is one line, "ok" or the reason of a failure. Control
/// thread.
class ReloadSocket {
  public:
    /// At most so many wait for an answer; more are refused.
    static constexpr std::size_t most_waiting = 16;

    /// `on_request` reads the file, and gives the reason when that failed at once. Otherwise the
    /// request waits for applied().
    static Result<std::unique_ptr<ReloadSocket>> open(const Loop& loop,
                                                      const std::string& directory,
                                                      std::function<std::string()> on_request);
    /// Removes the socket.
    ~ReloadSocket();
    ReloadSocket(const ReloadSocket&) = delete;
    ReloadSocket& operator=(const ReloadSocket&) = delete;

    /// Every worker has applied the configuration: all that wait are answered.
    void applied();

  private:
    ReloadSocket(const Loop& loop, std::string path, UniqueFd socket,
                 std::function<std::string()> on_request);
    void accept_one();

    const std::string path_;
    UniqueFd socket_;
    std::function<std::string()> on_request_;
    std::vector<UniqueFd> waiting_;
    Watch watch_;
};

/// What `otto --reload` does: has the Otto of this state directory (STATE_DIRECTORY) reload, and
/// waits until every worker has applied the configuration. Says on stderr why that failed. The exit
/// status.
int request_reload();

}  // namespace otto::control
