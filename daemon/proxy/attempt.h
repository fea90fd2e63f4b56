#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "balance/retry.h"
#include "balance/server.h"
#include "event/timer.h"
#include "http/client_stream.h"
#include "http1/request_writer.h"
#include "http1/response_reader.h"
#include "net/connector.h"
#include "net/pipe.h"
#include "proxy/exchange_context.h"
#include "proxy/request_body.h"
#include "proxy/upstream_connection.h"
#include "proxy/upstream_pool.h"

namespace otto {

using net::Pipe;
using net::PipeLease;

struct Snapshot;

/// What an attempt notifies its exchange of.
class AttemptObserver {
  public:
    /// There is a connection to the server; `reused`: it has served before.
    virtual void on_connected(bool reused) = 0;
    /// The whole request has been handed to the kernel.
    virtual void on_request_sent() = 0;
    /// The head of the final response, or of a 101, is here, and about to go to the client: what
    /// came of the body along with it is well formed. `stream`: what follows may continue for
    /// as long as it likes (server-sent events, a tunnel). Returns the value of a Set-Cookie field
    /// to add to it, or "".
    virtual std::string_view on_response(unsigned status, bool stream) = 0;
    /// The reply is complete, and the connection has been authenticated by this client: no other
    /// may use it. on_reply_complete follows.
    virtual void on_bound(std::unique_ptr<UpstreamConnection> connection) = 0;
    /// Some progress was made: from now on `limit` holds until the next.
    virtual void on_progress(Duration limit) = 0;

    // An attempt has ended before it calls one of these, and makes no further call.

    /// The server gave no reply that could be used, and no byte of one has been relayed.
    virtual void on_attempt_failed(Failure failure, std::string_view detail) = 0;
    /// The client's request turned out to be bad or too large while its body was taken; nothing has
    /// been relayed.
    virtual void on_request_refused(unsigned status, const char* reason) = 0;
    /// The reply has been relayed to its end.
    virtual void on_reply_complete() = 0;
    /// The reply broke off after its head had been relayed.
    virtual void on_reply_cut(std::string_view detail, http::Abort how) = 0;
    /// The client's connection does not take bytes any more.
    virtual void on_client_broken() = 0;
    /// The server switched protocols, and the client has its 101; `first` are bytes of the new
    /// protocol that came along.
    virtual void on_upgraded(std::unique_ptr<UpstreamConnection> connection,
                             std::span<char> first) = 0;

  protected:
    ~AttemptObserver() = default;
};

/// One try at one server: connects, sends the request, relays the reply. Owned by its exchange,
/// used on one worker's thread.
///
/// An attempt that has ended has no connection and no observer, and ignores all events. One of its
/// calls may still be running, so its exchange destroys it in a later callback of the loop.
class Attempt final : private UpstreamObserver,
                      private net::ConnectorObserver,
                      private PlaceWaiter {
  public:
    Attempt(AttemptObserver& observer, const ExchangeContext& context, const Snapshot& snapshot,
            Server& server, http::ClientStream& client, RequestBody& body);
    ~Attempt();
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    /// Sends the request's head, as `context` says, and then its body, which must be replayable:
    /// what earlier attempts have taken of it comes first. `fresh`: on a new connection, not on one
    /// from the pool. `repeatable`: the request may be sent again when a pooled connection turns
    /// out to be closed. `bound`: the connection to this server that the client has authenticated,
    /// or null.
    void start(const http::ForwardingContext& context, bool fresh, bool repeatable,
               std::unique_ptr<UpstreamConnection> bound);
    /// Ends it without a notification. Closes its connection. Harmless when it has ended.
    void end();

    /// More of the request's body has arrived.
    void on_client_body();
    /// The client takes bytes again.
    void on_client_drained();

    bool request_sent() const { return sent_ > 0; }
    bool reply_begun() const { return reply_begun_; }
    /// The client has got an interim response, such as 100 (Continue).
    bool interim_relayed() const { return interims_ > 0 || continued_; }
    /// The connection had served before: that it was closed may just have crossed with the request.
    bool on_reused_connection() const { return reused_; }
    bool connecting() const { return phase_ == Phase::connecting; }
    /// Bytes of the reply's body that have come so far.
    Bytes relayed() const { return phase_ == Phase::over ? relayed_ : reply_.received(); }
    /// All that the client has sent so far has been passed on.
    bool awaits_client() const {
        return request_.empty() && request_pipe_.held() == 0 &&
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
    void on_failed(int error_number) override;
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
    bool flush();
    void count_sent(std::size_t bytes);
    void push_request();
    void splice_request();
    void note_sending(Bytes sent_before);
    void refuse_body(RequestBody::State state);
    bool splices_reply() const;
    void receive();
    void splice_reply();
    void received(std::span<char> bytes, bool more);
    const http::ResponseHead* read_head();
    void note_over();
    void reply_malformed();
    http::ResponseLimits response_limits() const;
    void begin_reply(const http::ResponseHead& head);
    http::ReplyOptions reply_options(std::string_view set_cookie);
    void upgrade(const http::ResponseHead& head);
    void relay(const http::ResponseHead* head, std::string_view payload, bool more);
    void end_reply(std::string_view payload);
    void end_of_input();
    void broken(int error_number);
    void complete();
    AttemptObserver& last_call();
    void fail(Failure failure, std::string_view detail);
    void cut(std::string_view detail);
    void client_broken();

    AttemptObserver* observer_;  // null once it has ended
    const Loop& loop_;
    Upstreams& upstreams_;
    Workspace& workspace_;
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
    bool reused_ = false;                      // the connection had served before
    bool unheard_ = false;                     // no byte has come on the new connection
    bool continued_ = false;                   // Otto has sent 100 (Continue)
    std::optional<net::Connector> connector_;  // of a new connection
    std::unique_ptr<UpstreamConnection> connection_;
    PipeLease request_pipe_;
    PipeLease reply_pipe_;
    http1::RequestWriter request_;  // what the kernel has not taken yet
    Bytes sent_ = 0;
    bool send_broken_ = false;  // the server takes no more; it may still answer
    unsigned interims_ = 0;
    Duration reply_limit_{};    // between bytes of the reply
    bool held_back_ = false;    // by the kernel, for the spliced bytes that follow
    bool stream_ = false;       // which is of server-sent events
    bool reply_begun_ = false;  // bytes of the final reply went to the client
    bool binds_ = false;        // the server's connection to the client
    http1::ResponseReader reply_;
    Bytes relayed_ = 0;  // once it has ended
};

}  // namespace otto
