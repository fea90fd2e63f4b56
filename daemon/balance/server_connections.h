#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.h"

namespace otto {

/// How the threads that have connections to servers ask one another to close idle ones. Outlives
/// them; any thread.
class ConnectionCalls {
  public:
    /// What one thread is asked, by functions that post to its mailbox. Empty ones are not called.
    struct Line {
        std::function<void(std::uint64_t server)> close_idle;  // of this Server::id
        std::function<void()> freed;                           // a place has become free
    };

    /// Returns the number of the thread.
    std::size_t add(Line line);
    void remove(std::size_t number);
    void close_idle(std::uint64_t server);
    /// Calls each thread once, however often it is called until the thread has begun to look.
    void freed();
    /// The thread is about to look for a place.
    void looks(std::size_t number);

  private:
    struct Thread {
        Line line;
        bool called = false;
    };
    std::mutex mutex_;  // guards threads_
    std::vector<Thread> threads_;
};

/// The connections that Otto has open to one server: of all workers, in use and idle, and of
/// checks. Knows the limit on them, and what they have shown of the server: how many it serves at a
/// time, and when it closes idle ones. Shared by the Server and its connections; any thread.
///
/// A server that takes N connections at a time leaves others in its backlog while idle ones occupy
/// its processes. Connections are accepted in the order in which they came. Hence when one is
/// answered, those that were open before it and still are must have been accepted as well.
class ServerConnections {
  public:
    /// One open connection, from before connect(2) until it is closed.
    class Slot {
      public:
        Slot() = default;
        Slot(Slot&& other) noexcept
            : of_(std::move(other.of_)), before_(other.before_), closed_then_(other.closed_then_) {}
        Slot& operator=(Slot&& other) noexcept {
            std::swap(of_, other.of_);
            std::swap(before_, other.before_);
            std::swap(closed_then_, other.closed_then_);
            return *this;
        }
        ~Slot() { release(); }

        ServerConnections* of() const { return of_.get(); }
        void release();

      private:
        friend class ServerConnections;
        std::shared_ptr<ServerConnections> of_;
        std::uint32_t before_ = 0;       // connections that were open when this one was opened
        std::uint64_t closed_then_ = 0;  // closed_ at that time
    };

    /// While it exists idle connections to the server are closed, not kept.
    class Want {
      public:
        enum class What : std::uint8_t {
            place,   // maxConnections are open: waits for its turn to open one
            answer,  // on a new connection, which the server may not have accepted
        };
        Want(std::shared_ptr<ServerConnections> of, What what);
        Want(const Want&) = delete;
        Want& operator=(const Want&) = delete;
        ~Want();

      private:
        friend class ServerConnections;
        const std::shared_ptr<ServerConnections> of_;
        const What what_;
    };

    /// One new connection's wait for its first byte, of an attempt or a check.
    class Answer {
      public:
        /// A connection that is silent for so long may be one more than the server serves at once.
        static constexpr Duration suspicious = std::chrono::milliseconds(50);

        /// Has idle connections closed while the server is silent, if more are open than it is
        /// known to serve. True when they will be: ask Server::close_idle() to.
        bool make_way(const std::shared_ptr<ServerConnections>& of, TimePoint now);
        bool makes_way() const { return want_.has_value(); }
        /// The first byte came.
        void heard(const Slot& slot, TimePoint now);
        void end() { want_.reset(); }

      private:
        std::optional<Want> want_;
        std::uint64_t closed_then_ = 0;
        TimePoint since_{};
    };

    /// A server that was seen to serve so many connections at once is not looked at any more.
    static constexpr std::uint32_t many = 16;

    /// `servers.maxConnections`; 0: no limit. Control thread.
    void set_most(std::uint32_t most) { most_.store(most, std::memory_order_relaxed); }
    std::uint32_t most() const { return most_.load(std::memory_order_relaxed); }
    bool limited() const { return most() != 0; }
    /// Reaches the threads that have connections. Control thread, before any traffic.
    void set_calls(ConnectionCalls* calls) { calls_.store(calls, std::memory_order_relaxed); }
    ConnectionCalls* calls() const { return calls_.load(std::memory_order_relaxed); }

    /// None while as many are open as may be, or others wait for a place. To wait for one make a
    /// Want, then try once more with it: a place that is given back after that is announced by
    /// ConnectionCalls. First come, first served.
    static std::optional<Slot> open(const std::shared_ptr<ServerConnections>& of,
                                    const Want* want = nullptr);
    std::uint32_t count() const { return open_.load(std::memory_order_relaxed); }
    bool wanted() const { return wanted_.load(std::memory_order_seq_cst) != 0; }

    /// The first byte came on a new connection.
    void answered(const Slot& slot);
    /// The most connections that the server was seen to serve at once.
    std::uint32_t served() const { return served_.load(std::memory_order_relaxed); }
    bool serves_many() const { return served() >= many; }
    /// More are open than the server is known to serve at once.
    bool crowded() const { return !serves_many() && count() > std::max(served(), 1u); }
    /// Idle connections were seen to keep a new one waiting: they are closed without delay.
    bool serves_few() const { return few_.load(std::memory_order_relaxed); }
    void note_few() { few_.store(true, std::memory_order_relaxed); }
    /// How many were closed so far.
    std::uint64_t closed() const { return closed_.load(std::memory_order_relaxed); }
    /// The server was out: another one may be there now.
    void forget();

    /// The server closed a connection that had been idle for `age`, without announcement (RFC 9112
    /// §9.3.1).
    void note_closed_idle(Duration age, TimePoint now);
    /// Whether a connection that has been idle for `age` will most likely stay open: by what was
    /// seen in the last minute, the server closes them much later, or would have closed it.
    bool stays_open(Duration age, TimePoint now) const;
    /// It closes connections by surprise.
    bool closes_idle(TimePoint now) const;

    /// The server does not send 100 (Continue), so that Otto does (RFC 9110 §10.1.1).
    bool never_continues() const { return never_continues_.load(std::memory_order_relaxed); }
    void set_never_continues(bool never) {
        never_continues_.store(never, std::memory_order_relaxed);
    }

  private:
    std::atomic<std::uint32_t> most_{0};
    std::atomic<ConnectionCalls*> calls_{nullptr};
    // Places and wants: who gives back a place sees the want, or who wants one sees the place.
    std::atomic<std::uint32_t> open_{0};
    std::atomic<std::uint32_t> wanted_{0};
    std::atomic<std::uint64_t> closed_{0};
    // Hints, relaxed; any thread writes.
    std::atomic<std::uint32_t> served_{0};
    std::atomic<bool> few_{false};
    std::atomic<bool> never_continues_{false};
    std::atomic<std::int64_t> closes_from_{0};   // the shortest age seen, in nanoseconds
    std::atomic<std::int64_t> closes_until_{0};  // the longest
    std::atomic<std::int64_t> closed_at_{0};     // when the last was seen; 0: never

    bool may_open(const Want* want, std::uint32_t free);

    std::mutex mutex_;                // guards what follows
    std::vector<const Want*> queue_;  // that wait for a place
    unsigned seen_ = 0;
    std::uint32_t least_seen_ = 0;
};

}  // namespace otto
