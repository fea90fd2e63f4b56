#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <vector>

#include "event/deferred.h"
#include "event/loop.h"

namespace otto {

/// What the queues of all workers share: how many wait, and whose turn it is when a place becomes
/// free. Outlives the workers; any thread.
class QueueShare {
  public:
    using Call = std::function<void()>;

    explicit QueueShare(std::size_t workers);

    /// A request waits, in any queue. Relaxed: those that come later should not overtake, but
    /// one that does no harm.
    bool busy() const { return waiting_.load(std::memory_order_relaxed) != 0; }

  private:
    friend class Queue;

    static constexpr std::uint64_t no_ticket = std::numeric_limits<std::uint64_t>::max();

    /// Its worker writes, any worker reads, but for `called`.
    struct alignas(64) Line {
        std::atomic<std::uint64_t> first{no_ticket};  // the ticket that has waited for longest
        std::atomic<std::uint32_t> retries{0};        // that wait besides, whatever their turn
        std::atomic<bool> called{false};  // set by the caller, cleared by the worker that comes
    };

    bool enter(std::uint32_t most);
    void leave() { waiting_.fetch_sub(1, std::memory_order_acq_rel); }
    bool any();
    std::size_t oldest() const;
    void call(std::size_t index);

    // Tickets give an order, nothing more: relaxed. `waiting_` is changed after a line and read
    // after a place was given back, by read-modify-write both times: either the one that gives
    // back sees the one that waits, or that one sees the place.
    std::atomic<std::uint64_t> next_ticket_{0};
    std::atomic<std::uint32_t> waiting_{0};
    std::vector<Line> lines_;
    std::mutex mutex_;  // guards calls_: workers end one after the other
    std::vector<Call> calls_;
};

/// What can wait in a queue. Not destroyed while it does.
class Waiter {
  protected:
    Waiter() = default;
    virtual ~Waiter() = default;

  private:
    friend class Queue;

    /// A place may be free. True when it has left the queue (Queue::remove), false when it has to
    /// go on waiting.
    virtual bool try_again() = 0;

    std::uint64_t ticket_ = 0;
    bool retry_ = false;
    bool queued_ = false;
    Waiter* before_ = nullptr;
    Waiter* behind_ = nullptr;
};

/// One worker's queue of requests for which all servers are at their maxConnections. First come,
/// first served over all workers; only those that wait for their second server, and thus for other
/// places, get their try out of turn. Of the worker's thread.
class Queue {
  public:
    /// `on_length` is called with how many wait here. `post` calls a message on this worker's
    /// thread later.
    Queue(const Loop& loop, QueueShare& share, std::size_t index,
          std::function<void(std::size_t)> on_length, std::function<void(QueueShare::Call)> post);
    ~Queue();
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    /// Whether any server has a limit. Without one nothing is looked at.
    void configure(bool limited) { limited_ = limited; }

    /// Others wait: a request that comes now should do so, too.
    bool busy() const { return limited_ && share_.busy(); }
    /// Waits for its turn; false when `most` wait already. `retry`: it has tried a server before.
    /// When it is its turn at once, the caller must look for a place once more: one may have become
    /// free just before.
    bool push(Waiter& waiter, bool retry, std::uint32_t most);
    bool is_its_turn(const Waiter& waiter) const;
    /// It waits no longer. Harmless when it does not wait.
    void remove(Waiter& waiter);

    /// A place has been given back: serves whose turn it is, here later in this turn of the loop,
    /// or in another worker.
    void place_left() {
        if (limited_ && share_.any()) place_left_.schedule();
    }
    /// Lets those try whose turn it is.
    void serve();

  private:
    struct List {
        Waiter* first = nullptr;
        Waiter* last = nullptr;
        std::size_t size = 0;
        void push(Waiter& waiter);
        void remove(Waiter& waiter);
    };

    void serve_retries();
    void call_retries();
    void changed();

    QueueShare& share_;
    const std::size_t index_;
    const std::function<void(std::size_t)> on_length_;
    bool limited_ = false;
    List firsts_;
    List retries_;
    Deferred place_left_;
};

}  // namespace otto
