#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "balance/server.h"
#include "event/deferred.h"
#include "event/loop.h"
#include "event/timer.h"
#include "proxy/upstream_connection.h"

namespace otto {

/// Waits for a place at a server whose `maxConnections` are open.
class PlaceWaiter {
  public:
    /// A place may be free. True when it has got one, and waits no longer; it may be destroyed.
    virtual bool on_place_freed() = 0;

  protected:
    ~PlaceWaiter() = default;
};

/// An idle connection that is kept elsewhere, and closed with those of the pool.
class IdleConnection {
  public:
    virtual std::uint64_t server_id() const = 0;
    /// Null when there is none any more.
    virtual std::unique_ptr<UpstreamConnection> give_up() = 0;

  protected:
    ~IdleConnection() = default;
};

/// One worker's idle connections to servers. Those that a server closes, writes to, or leaves idle
/// for too long are dropped: closed a few in a turn of the loop, however many they are. Of the
/// worker's thread.
class UpstreamPool {
  public:
    explicit UpstreamPool(const Loop& loop);
    ~UpstreamPool();

    /// How long a connection may stay idle.
    void configure(Duration server_idle) { server_idle_ = server_idle; }

    /// The connection that was used last, or null. For a request that can not be `repeatable` none
    /// that its server may be closing just now (ServerConnections::stays_open).
    std::unique_ptr<UpstreamConnection> take(const Server& server, bool repeatable);
    /// Keeps a connection for the next request, unless others wait for its place.
    void put(const Server& server, std::unique_ptr<UpstreamConnection> connection);
    /// Drops the idle connections to a server, which is out or gone.
    void drop(const Server& server);
    /// Drops those to servers that are not among these (Server::id, sorted).
    void keep_only(std::span<const std::uint64_t> servers);
    /// Drops all.
    void clear();

    /// Closes idle connections to a server at once, as long as some are wanted: one where it has a
    /// limit, otherwise all.
    void close_idle(std::uint64_t server);
    /// Calls `waiter` when a place at any server may have become free, until it has got one.
    void await_place(PlaceWaiter& waiter) { waiters_.push_back(&waiter); }
    void forget(PlaceWaiter& waiter);
    /// A place has become free.
    void place_freed();

    /// Until remove(), `connection` is closed when those to its server are.
    void add(IdleConnection& connection) { elsewhere_.push_back(&connection); }
    void remove(IdleConnection& connection);

  private:
    struct Idle {
        std::unique_ptr<UpstreamConnection> connection;
        TimePoint since;
        TimePoint until;
    };

    /// The idle connections to one server, the one used last on top.
    struct Stack final : UpstreamObserver {
        /// An idle server has nothing to say but goodbye.
        void on_upstream(UpstreamConnection& connection, bool readable, bool writable) override;

        std::vector<Idle> idle;
    };

    using Stacks = std::unordered_map<std::uint64_t, Stack>;

    void expire();
    void leave(std::span<Idle> idle);
    template <typename Which>
    void leave_elsewhere(Which which);
    void let_go();

    const Loop& loop_;
    Duration server_idle_ = std::chrono::seconds(4);
    Stacks stacks_;  // by Server::id
    std::vector<PlaceWaiter*> waiters_;
    std::vector<IdleConnection*> elsewhere_;
    std::vector<std::unique_ptr<UpstreamConnection>> leaving_;
    Timer timer_;
    Deferred let_go_;
};

}  // namespace otto
