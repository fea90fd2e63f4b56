#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "balance/retry.h"
#include "balance/server.h"
#include "event/timer.h"
#include "http/client_stream.h"
#include "http/parse_response.h"
#include "net/connector.h"
#include "net/pipe.h"
#include "proxy/reply_body.h"
#include "proxy/request_body.h"
#include "proxy/upstream_connection.h"
#include "proxy/upstream_pool.h"

namespace otto {

using net::Pipe;
using net::PipeLease;

class Worker;
struct Snapshot;

/// What an exchange hears of its current attempt. It may destroy the attempt in any of these calls.
class AttemptObserver {
  public:
    /// A connection to the server is there; `reused`: it was all the time.
    virtual void on_connected(bool reused) = 0;
    /// The server gave no reply that could be used, and no byte of one has been relayed.
    virtual void on_attempt_failed(Failure failure, std::string_view detail) = 0;
    /// The client's request turned out to be bad or too large while its body was taken; nothing has
    /// been relayed.
    virtual void on_request_refused(unsigned status, const char* reason) = 0;
    /// The whole request has been handed to the kernel.
    virtual void on_request_sent() = 0;
    /// The head of the final response, or of a 101, is here, and about to go to the client: what
    /// came of the body along with it is well formed. `stream`: what follows may go on for
    /// as long as it likes (server-sent events, a tunnel). Returns field lines to add to it.
    virtual std::string_view on_response(unsigned status, bool stream) = 0;
    /// The reply has been relayed to its end.
    virtual void on_reply_complete(bool client_keep_alive) = 0;
    /// The reply broke off after its head had been relayed. `noticed`: the client can tell from the
    /// framing.
    virtual void on_reply_cut(std::string_view detail, bool noticed) = 0;
    /// The client's connection does not take bytes any more.
    virtual void on_client_broken() = 0;
    /// The server switched protocols and the client has been told; `first` are bytes of the new one
    /// that came along.
    virtual void on_upgraded(std::unique_ptr<UpstreamConnection> connection,
                             std::span<char> first) = 0;
    /// The reply is complete, and the connection has been authenticated by this client: no other
    /// may use it. on_reply_complete follows.
    virtual void on_bound(std::unique_ptr<UpstreamConnection> connection) = 0;
    /// Some progress was made: from now on `limit` holds until the next.
    virtual void on_progress(Duration limit) = 0;

  protected:
    ~AttemptObserver() = default;
};

/// One try at one server: connects, sends the request, relays the reply. Of one worker's thread;
/// owned by its exchange.
class Attempt final : private UpstreamObserver,
                      private net::ConnectorObserver,
                      private PlaceWaiter {
  public:
    Attempt(AttemptObserver& observer, Worker& worker, const Snapshot& snapshot, Server& server,
            http::ClientStream& client, RequestBody& body);
    ~Attempt();
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    /// Sends `head` and then the request's body, which must be replayable: what earlier attempts
    /// have taken of it comes first. `fresh`: on a new connection, not on one from the pool.
    /// `repeatable`: the request may be sent again when a pooled connection turns out to be closed.
    /// `bound`: the connection to this server that the client has authenticated, or null.
    void start(std::string_view head, bool fresh, bool repeatable,
               std::unique_ptr<UpstreamConnection> bound);

    /// More of the request's body has arrived.
    void on_client_body();
    /// The client takes bytes again.
    void on_client_drained();

    Server& server() const { return server_; }
    bool request_sent() const { return sent_ > 0; }
    bool reply_begun() const { return reply_begun_; }
    /// The client has got an interim response, such as 100 (Continue).
    bool interim_relayed() const { return interims_ > 0 || continued_; }
    /// The connection had served before: that it was closed may just have crossed with the request.
    bool on_reused_connection() const { return connection_ && connection_->reused(); }
    bool connecting() const { return phase_ == Phase::connecting; }
    /// Bytes of the reply's body that have come so far.
    Bytes relayed() const { return phase_ == Phase::connecting ? 0 : reply_.relayed(); }
    /// All that the client has sent so far has been handed on.
    bool awaits_client() const {
        return out_.empty() && request_pipe_.held() == 0 &&
               request_body_.state() == RequestBody::State::open;
    }
    /// Bytes of the request that the server has not taken: shrinks as it reads.
    std::size_t unsent() const;
    /// The whole request has been handed to the kernel.
    bool request_complete() const;

  private:
    enum class Phase : std::uint8_t { connecting, head, body, over };
    /// What the clock is set for.
    enum class Due : std::uint8_t { silence, continuation };

    void on_upstream(UpstreamConnection& connection, bool readable, bool writable) override;
    bool on_place_freed() override;
    void on_connected() override;
    void on_address_failed(int error_number) override;
    void on_backlog_full() override;
    void on_retry() override;
    bool on_descriptors_short() override;
    void take_place();
    void connect(ServerConnections::Slot slot);
    void connected();
    void set_clock(Due due, Duration delay);
    void clock_fired();
    void watch_silence();
    void make_way();
    void heard();
    bool may_continue() const;
    bool send_continue();
    bool flush();
    void count_sent(std::size_t bytes);
    bool push_request();
    bool splice_request();
    bool splices_reply() const;
    void receive();
    void splice_reply();
    bool received(std::span<char> bytes, bool more);
    std::optional<std::size_t> read_head(std::span<char> bytes);
    bool note_interim(std::size_t length);
    void note_over(http::OverLimit over);
    http::ResponseLimits response_limits() const;
    void begin_reply(const http::ResponseHead& head);
    void upgrade(const http::ResponseHead& head, std::span<char> rest);
    bool relay(std::span<iovec> body, bool more);
    void end_of_input();
    void broken(int error_number);
    void complete();
    void fail(Failure failure, std::string_view detail);
    bool client_is_http10() const;

    AttemptObserver& observer_;
    Worker& worker_;
    const Snapshot& snapshot_;
    Server& server_;
    ServerCounters& counters_;
    http::ClientStream& client_;
    RequestBody& request_body_;
    Phase phase_ = Phase::connecting;
    ServerConnections::Slot slot_;                  // until the connection has it
    std::optional<ServerConnections::Want> wants_;  // a place
    ServerConnections::Answer answer_;
    bool waits_for_place_ = false;
    std::optional<Timer> clock_;  // made when it is needed, which is rare
    Due due_ = Due::silence;
    bool unheard_ = false;                     // no byte has come on the new connection
    bool continued_ = false;                   // Otto has sent 100 (Continue)
    std::optional<net::Connector> connector_;  // of a new connection
    std::unique_ptr<UpstreamConnection> connection_;
    PipeLease request_pipe_;
    PipeLease reply_pipe_;
    std::string out_;  // of the request, not taken by the kernel yet
    std::size_t out_sent_ = 0;
    Bytes sent_ = 0;
    bool send_broken_ = false;  // the server takes no more; it may still answer
    std::string partial_head_;  // of the response
    http::ResponseHeadReader head_reader_;
    unsigned interims_ = 0;
    Bytes interim_bytes_ = 0;   // of their heads
    Duration reply_limit_{};    // between bytes of the reply
    bool held_back_ = false;    // by the kernel, for the spliced bytes that follow
    unsigned status_ = 0;       // of the final reply
    bool stream_ = false;       // which is of server-sent events
    bool reply_begun_ = false;  // bytes of the final reply went to the client
    bool server_keeps_alive_ = false;
    bool binds_ = false;  // the server's connection to the client
    bool client_keeps_alive_ = false;
    http::Framing as_sent_ = http::Framing::none;
    ReplyBody reply_;
};

}  // namespace otto
