#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "accept/acceptor.h"
#include "accept/arrival.h"
#include "accept/connection_share.h"
#include "accept/connection_table.h"
#include "base/handle.h"
#include "config/config.h"
#include "event/deferred.h"
#include "event/loop.h"
#include "event/timer.h"
#include "http/client_stream.h"
#include "http1/connection_context.h"

namespace otto::accept {

/// One thread's side towards the clients: accepts their connections, within the limits, and starts
/// them in turns of the loop that leave time for others. Each worker has one; the admin API has
/// some of its own (admin/plain_server.h). Used and destroyed on that thread.
class Listener final : private AcceptorObserver, private ConnectionTableObserver {
  public:
    struct Callbacks {
        std::function<void(http::ClientStream&)> on_request;
        std::function<void(std::uint64_t open)> on_connections;  // after each change
        std::function<void(const char* reason, int error_number)>
            on_accept_paused;  // at most once per pause
        std::function<void()> on_accept_resumed;
        std::function<void(const Address& peer, const char* reason)> on_bad_proxy_header;
        /// The limit on connections is reached, and none may be closed by itself. True when the
        /// callee has ended one of them, and accepting goes on. May be empty.
        std::function<bool()> on_full = {};
        /// A connection that waited for its client was closed to make room. May be empty.
        std::function<void(Waiting)> on_evicted = {};
        /// A connection was closed because its client took the end of a reply below
        /// `timeouts.minimumRate`. May be empty.
        std::function<void()> on_too_slow = {};
        /// A connection was closed because its client has `limits.connectionsPerClient`. May be
        /// empty.
        std::function<void()> on_refused = {};
    };

    static Result<std::unique_ptr<Listener>> open(const Loop& loop, Callbacks callbacks,
                                                  ConnectionShare& share, unsigned worker);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    /// Accepts connections on a listening, non-blocking socket.
    Status listen(UniqueFd socket);

    /// For requests that begin from now on.
    void configure(const Config& config);

    /// From now on each reply says that it is the last on its connection. Idle connections stay, so
    /// that a request that is on its way finds them open.
    void end_keep_alive() { context_.keep_alive = false; }
    /// Accepts no more, closes idle connections, and ends each other one after its reply.
    /// `on_empty` is called once, when none is left.
    void drain(std::function<void()> on_empty);
    /// Ends all connections at once.
    void close_all();

    std::uint64_t connections() const { return table_.open(); }

    /// ConnectionTable's.
    using Room = ConnectionTable::Room;
    Room make_room(ConnectionShare::Want want) { return table_.make_room(want); }
    void make_room_for_others() { table_.make_room_for_others(); }
    bool close_oldest_unread() { return table_.close_oldest_unread(); }

  private:
    Listener(const Loop& loop, Callbacks callbacks, ConnectionShare& share, unsigned worker);

    void on_accepting() override;
    void on_accepted(Accepted accepted) override;
    void on_vanished() override;
    void on_accept_failed(int error_number) override;
    void on_ended() override;
    void on_room(bool more) override;
    void on_evicted(Waiting waiting) override;
    void on_refused() override;

    void start_accepted();
    void accept_on();
    void after_callbacks();
    bool has_room();
    bool may_accept();
    void set_full(bool full);
    void accept_soon();
    void rest_full();
    bool ahead_of_peers() const;
    void pause_accepting(Duration delay);
    void resume_accepting();
    void report_full();
    void report_pause(const char* reason, int error_number);

    const Callbacks callbacks_;
    ConnectionShare& share_;
    http1::ConnectionContext context_;
    ArrivalContext arrivals_;
    std::unique_ptr<Acceptor> acceptor_;
    ConnectionTable table_;  // its connections end before the acceptor
    Timer accept_again_;
    Timer quiet_;  // nothing ran out for a while
    bool pause_reported_ = false;
    bool at_limit_ = false;  // on connections, when the last one came
    bool full_ = false;      // accepting rests because of the limit
    bool rested_ = false;    // it did, and does not go on yet
    TimePoint rested_since_{};
    TimePoint accepting_since_{};  // after such a rest
    unsigned accepts_failed_ = 0;  // in a row, for want of descriptors
    unsigned accepted_in_turn_ = 0;
    bool enough_accepted_ = false;  // accepting rests until they have been started
    EventHandle after_callbacks_;   // later in the turn in which it was activated
    Deferred start_rest_;           // of what has been accepted
};

}  // namespace otto::accept
