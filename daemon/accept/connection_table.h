#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "accept/acceptor.h"
#include "accept/arrival.h"
#include "accept/connection_share.h"
#include "accept/eviction_order.h"
#include "net/connection_owner.h"

namespace otto::accept {

/// What a table notifies.
class ConnectionTableObserver {
  public:
    /// A connection has ended. The table keeps it until free_ended().
    virtual void on_ended() = 0;
    /// After watch_room(true): a connection has started to wait for its client, or stopped.
    virtual void on_room(bool more) = 0;
    /// A connection that waited for its client was closed to make room.
    virtual void on_evicted(Waiting waiting) = 0;
    /// A connection is closed because its client has `limits.connectionsPerClient`.
    virtual void on_refused() = 0;

  protected:
    ~ConnectionTableObserver() = default;
};

/// The connections of one thread's clients: those that are open, those that have been accepted and
/// not started, and those that have ended and are still to be freed. Closes them to make room, and
/// at a drain. Owned by a listener, which calls end_all() before it destroys the table; of its
/// thread.
class ConnectionTable {
  public:
    ConnectionTable(ArrivalContext& context, ConnectionShare& share, unsigned worker,
                    ConnectionTableObserver& observer);
    ConnectionTable(const ConnectionTable&) = delete;
    ConnectionTable& operator=(const ConnectionTable&) = delete;

    /// 0: no limit. Open connections count from then on.
    void set_limit_per_client(unsigned limit);

    /// A connection has been accepted: add() or vanished() follows.
    void expect();
    void add(Accepted accepted);
    void vanished();
    /// Open ones, those that are expected included.
    std::uint64_t open() const { return open_; }
    /// Accepted and not started.
    std::size_t unstarted() const { return unstarted_.size(); }
    /// Starts the one of them that was accepted first.
    void start_next();
    /// Frees the connections that have ended: none of their callbacks is running.
    void free_ended() { ended_.clear(); }

    /// What became of the attempt to close a connection that waits for its client.
    enum class Room : std::uint8_t {
        made,   // one is closed, its descriptor too
        asked,  // another worker, which has the one that is to go first, was asked to close it
        none,   // no connection may be closed
    };
    /// Closes the connection that EvictionOrder puts first, of those of all workers.
    Room make_room(ConnectionShare::Want want);
    /// Closes up to `most` connections that are too many. What became of the last.
    Room get_below_limit(int most);
    /// Closes up to `most` connections that are too many, of this thread, which wait for the rest
    /// of a head or for another request. New ones are spared.
    void close_idle(int most);
    /// Another worker has asked for it.
    void make_room_for_others();
    /// Closes the connection whose client has not taken the end of its reply for longest. False
    /// when there is none.
    bool close_oldest_unread();
    /// Whether the observer's on_room() is called. Off at first, because that is at each request.
    void watch_room(bool on) { room_watched_ = on; }

    /// Starts what has been accepted, and ends what waits for a request (Arrival::end_unused).
    /// `on_empty` is called once, when none is left.
    void drain(std::function<void()> on_empty);
    void end_all();

    // ---- for its connections ----

    /// A connection starts to wait for its client, or stops.
    void waits(Arrival& arrival, Waiting waiting);
    /// Counts a new connection for its client. False when that has too many.
    bool admit(Arrival& arrival);
    /// The connection is no longer one of its client.
    void forget_client(Arrival& arrival);
    void closed(Arrival& arrival);

  private:
    bool evict_one();
    void evict(Arrival& arrival);
    std::uint32_t count_client(Arrival& arrival);
    void one_less();
    void publish();

    ArrivalContext& context_;
    ConnectionShare& share_;
    const unsigned worker_;
    ConnectionTableObserver& observer_;
    unsigned limit_per_client_ = 0;
    bool room_watched_ = false;
    EvictionOrder order_;
    std::vector<Arrival*> unstarted_;
    Arrival* first_ = nullptr;  // the list of open connections
    std::uint64_t open_ = 0;
    std::vector<std::unique_ptr<Arrival>> ended_;
    std::function<void()> on_empty_;
};

}  // namespace otto::accept
