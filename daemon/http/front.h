#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accept/acceptor.h"
#include "base/handle.h"
#include "config/config.h"
#include "event/deferred.h"
#include "event/loop.h"
#include "event/spares.h"
#include "event/timer.h"
#include "http/client_stream.h"
#include "http/connection_share.h"
#include "http/eviction_order.h"
#include "http/message.h"
#include "http/request_body_reader.h"

namespace otto::http {

class ClientConnection;

/// What a connection has received: lent to it from the first byte of a request to the end of its
/// reply, so that idle connections, which are many, are small.
struct Received {
    std::string head_bytes;
    RequestHead head;  // views of head_bytes
    RequestBodyReader body;
    std::string input;
    std::size_t taken = 0;  // of the input

    std::string_view rest() const { return std::string_view(input).substr(taken); }
    void take(std::size_t length) {
        taken += length;
        if (taken == input.size()) clear_input();
    }
    void add(std::string_view bytes) {
        if (taken > input.size() / 2) input.erase(0, std::exchange(taken, 0));
        input.append(bytes);
    }
    void clear_input() {
        input.clear();
        taken = 0;
    }
    /// What it holds on to.
    std::size_t bytes() const {
        return sizeof(Received) + head_bytes.capacity() + input.capacity() +
               head.fields.capacity() * sizeof(Field) + body.bytes();
    }
};

/// One thread's side towards the clients: an acceptor of connections, and what reads and answers
/// them. Each worker has one; the admin API has some of its own (admin/plain_server.h). Used
/// and destroyed on that thread.
class Front final : private accept::AcceptorObserver {
  public:
    struct Callbacks {
        std::function<void(ClientStream&)> on_request;
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

    static Result<std::unique_ptr<Front>> open(const Loop& loop, Callbacks callbacks,
                                               ConnectionShare& share, unsigned worker);
    ~Front();
    Front(const Front&) = delete;
    Front& operator=(const Front&) = delete;

    /// Accepts connections on a listening, non-blocking socket.
    Status listen(UniqueFd socket);

    /// For requests that begin from now on.
    void configure(const Config& config);

    /// From now on each reply says that it is the last on its connection. Idle connections stay, so
    /// that a request that is on its way finds them open.
    void end_keep_alive() { keep_alive_ = false; }
    /// Accepts no more, closes idle connections, and ends each other one after its reply.
    /// `on_empty` is called once, when none is left.
    void drain(std::function<void()> on_empty);
    /// Ends all connections at once.
    void close_all();

    std::uint64_t connections() const { return open_; }

    /// What became of the attempt to close a connection that waits for its client.
    enum class Room : std::uint8_t {
        made,   // one is closed, its descriptor too
        asked,  // another worker, which has the one that is to go first, was asked to close it
        none,   // no connection may be closed
    };
    /// Closes the connection that EvictionOrder puts first, of those of all workers.
    Room make_room(ConnectionShare::Want want);
    /// Another worker has asked for it.
    void make_room_for_others();
    /// Closes the connection whose client has not taken the end of its reply for longest. False
    /// when there is none.
    bool close_oldest_unread();

  private:
    friend class ClientConnection;

    Front(const Loop& loop, Callbacks callbacks, ConnectionShare& share, unsigned worker);

    void on_accepting() override;
    void on_accepted(accept::Accepted accepted) override;
    void on_vanished() override;
    void on_accept_failed(int error_number) override;

    std::unique_ptr<Received> lend();
    void give_back(std::unique_ptr<Received> received);
    void start_accepted();
    void accept_on();
    void start_next();
    void after_callbacks();
    void connection_closed(ClientConnection& connection);
    void one_less();
    void publish();
    void waits(ClientConnection& connection, Waiting waiting);
    bool evict_one();
    void evict(ClientConnection& connection);
    Room get_below_limit(int most);
    bool may_accept();
    bool has_room();
    void rest_full();
    bool admit(ClientConnection& connection);
    std::uint32_t count_client(ClientConnection& connection);
    void forget_client(ClientConnection& connection);
    bool is_trusted(const Address& address) const;
    bool ahead_of_peers() const;
    void pause_accepting(Duration delay);
    void resume_accepting();
    void report_pause(const char* reason, int error_number);

    const Loop& loop_;
    Callbacks callbacks_;
    ConnectionShare& share_;
    const unsigned worker_;
    TimeoutsConfig timeouts_;
    LimitsConfig limits_;
    RequestLimits request_limits_;
    bool proxy_protocol_ = false;
    bool answer_half_closed_ = false;
    std::vector<Cidr> trusted_proxies_;
    std::unique_ptr<accept::Acceptor> acceptor_;
    Timer accept_again_;
    Timer quiet_;  // nothing ran out for a while
    bool pause_reported_ = false;
    bool at_limit_ = false;        // on connections, when the last one came
    bool full_ = false;            // accepting rests because of the limit
    unsigned accepts_failed_ = 0;  // in a row, for want of descriptors
    bool keep_alive_ = true;       // connections may go on after a reply
    bool draining_ = false;
    std::function<void()> on_empty_;
    EvictionOrder order_;
    Spares<std::unique_ptr<Received>> spare_;
    std::vector<char> scratch_;                // for reading
    std::string reply_head_;                   // of the reply that begins in this very call chain
    EventHandle after_callbacks_;              // later in the turn in which it was activated
    std::vector<ClientConnection*> accepted_;  // and not started
    Deferred start_rest_;                      // of them
    ClientConnection* first_ = nullptr;        // the list of open connections
    std::uint64_t open_ = 0;
    unsigned accepted_in_turn_ = 0;
    bool enough_accepted_ = false;  // accepting rests until they have been started
    std::vector<std::unique_ptr<ClientConnection>>
        over_;  // freed once their callbacks have returned
};

}  // namespace otto::http
