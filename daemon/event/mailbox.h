#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/handle.h"
#include "event/deferred.h"
#include "event/loop.h"
#include "event/watch.h"

namespace otto {

/// How threads talk to a loop's thread: they post work, which runs there in the order of posting,
/// for 2 ms in a turn of the loop; the rest goes on in the next.
class Mailbox {
  public:
    using Message = std::function<void()>;

    static Result<std::unique_ptr<Mailbox>> open(const Loop& loop);

    /// Any thread. The message runs once, on the loop's thread, unless the mailbox is destroyed
    /// first.
    void post(Message message);

  private:
    Mailbox(const Loop& loop, UniqueFd wake);
    void wake_up();
    void deliver();

    UniqueFd wake_;     // an eventfd
    std::mutex mutex_;  // guards waiting_
    std::vector<Message> waiting_;
    std::vector<Message> delivering_;  // loop's thread; kept for its capacity
    std::size_t next_ = 0;             // of delivering_
    Deferred go_on_;
    Watch watch_;
};

}  // namespace otto
