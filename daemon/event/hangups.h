#pragma once

#include <functional>
#include <memory>

#include "base/handle.h"
#include "event/loop.h"
#include "event/watch.h"

namespace otto {

/// Notices peers that hang up or reset on descriptors that are not read for now. libevent cannot be
/// asked for that alone: it reports errors to readers and writers only, and would spin without
/// telling anybody. An epoll set of its own, of the loop's thread.
class Hangups {
  public:
    /// `on_hangup` gets the `owner` of a descriptor, which must forget() it or close it then.
    static Result<std::unique_ptr<Hangups>> open(const Loop& loop,
                                                 std::function<void(void* owner)> on_hangup);
    Hangups(const Hangups&) = delete;
    Hangups& operator=(const Hangups&) = delete;

    /// `half_closed`: that the peer sends no more is not yet a hang-up.
    void watch(int fd, void* owner, bool half_closed);
    void forget(int fd);

  private:
    Hangups(const Loop& loop, UniqueFd epoll, std::function<void(void*)> on_hangup);
    void deliver();

    std::function<void(void*)> on_hangup_;
    UniqueFd epoll_;
    Watch watch_;
};

}  // namespace otto
