#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/handle.h"
#include "event/loop.h"
#include "event/watch.h"

namespace otto {

/// How threads talk to a loop's thread: they post work, which runs there in the order of posting.
class Mailbox {
  public:
    using Message = std::function<void()>;

    static Result<std::unique_ptr<Mailbox>> open(const Loop& loop);

    /// Any thread. The message runs once, on the loop's thread, unless the mailbox is destroyed
    /// first.
    void post(Message message);

  private:
    Mailbox(const Loop& loop, UniqueFd wake);
    void deliver();

    UniqueFd wake_;     // an eventfd
    std::mutex mutex_;  // guards waiting_
    std::vector<Message> waiting_;
    std::vector<Message> delivering_;  // loop's thread; kept for its capacity
    Watch watch_;
};

}  // namespace otto
