#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "balance/lease.h"
#include "event/deferred.h"
#include "event/timer.h"
#include "http/client_stream.h"
#include "http/forwarded.h"
#include "http/pace.h"
#include "http/request_id.h"
#include "observe/trace.h"
#include "proxy/attempt.h"
#include "proxy/exchange_context.h"
#include "proxy/phase.h"
#include "proxy/queue.h"
#include "proxy/request_body.h"
#include "proxy/snapshot.h"
#include "proxy/tunnel.h"

namespace otto {

class BoundConnection;

/// One request from its head to the end of its reply:
///
///     begin ─→ choose ─→ attempt ─→ reply relayed (or tunnel ended) ─→ over
///       │        │  ↑       │ failed
///       │        │  └───────┤ safe to try another server
///       │        └ wait ────│ (for the first verdicts on the servers, or for a place at one)
///       └────────┴──────────┴─→ Otto's own reply ─→ over
///
/// Where every server has a limit, it may wait for the request's body before it chooses.
///
/// An attempt, and the tunnel that it may become, has a Lease of its server. Owned by an
/// ExchangePool, which uses it for other requests later; used on one worker's thread.
class Exchange final : private http::ClientObserver, private AttemptObserver, private Waiter {
  public:
    explicit Exchange(const ExchangeContext& context);

    /// Takes on a request. The exchange gives itself back to the worker when it is over. Only the
    /// loop calls this, never a call of an attempt: the last one may still be there.
    void begin(http::ClientStream& client);
    /// Where it is among those in progress (ExchangePool).
    std::size_t place() const { return place_; }
    void set_place(std::size_t place) { place_ = place; }
    /// Memory that it has, between two requests.
    std::size_t bytes() const;
    /// The candidates have changed; concerns those that wait.
    void candidates_changed();

  private:
    using OwnReply = observe::OwnReply;
    using Trace = observe::Trace;

    /// The most servers that are asked for one request, however many of them refuse.
    static constexpr std::size_t most_tried = 128;

    enum class Found : std::uint8_t {
        server,
        full,      // all that could be asked are: waiting for a place helps
        outdated,  // some have been taken out: other candidates are on their way
        none
    };

    void enter(Phase phase);

    void on_client_body() override;
    void on_client_drained() override;
    void on_client_end() override;
    void on_client_gone() override;

    void on_connected(bool reused) override;
    void on_attempt_failed(Failure failure, std::string_view detail) override;
    void on_request_refused(unsigned status, const char* reason) override;
    void on_request_sent() override;
    std::string_view on_response(unsigned status, bool stream) override;
    void on_reply_complete() override;
    void on_reply_cut(std::string_view detail, http::Abort how) override;
    void on_client_broken() override;
    void on_upgraded(std::unique_ptr<UpstreamConnection> connection,
                     std::span<char> first) override;
    void on_bound(std::unique_ptr<UpstreamConnection> connection) override;
    void on_progress(Duration limit) override;

    // Finding a server and a place there, in exchange_placing.cc.
    bool try_again() override;
    void choose();
    void place(Found found);
    Found find_server();
    Asked asked() const;
    void queue_up();
    void queue_timed_out();
    void no_server_found(Found found);
    void settle_probe_request(bool passed);
    void leave_server();

    // Failed attempts, in exchange_retries.cc.
    bool may_retry(unsigned counted) const;
    void retry();
    bool try_another();
    bool try_same();
    void log_retry(const char* then);
    void count_retry();
    void count_failure(Failure failure, std::string_view detail);

    // Otto's own replies, in exchange_replies.cc.
    using Fields = std::vector<std::pair<std::string, std::string>>;
    bool answer_locally();
    void give_up();
    void refuse(OwnReply own, std::string_view why, long long retry_after);
    void reply(OwnReply own, unsigned status, Fields extra_fields = {});
    void log_refusal(unsigned status, const char* reason) const;

    // Slow clients, in exchange_pace.cc.
    bool gather_body();
    void watch_pace();
    bool body_arrived();
    bool awaits_client();
    void check_pace();
    void end_slow_client(bool sends);

    BoundConnection* bound() const;
    std::unique_ptr<UpstreamConnection> take_bound(bool fresh);
    bool find_bound();
    http::Origin origin() const;
    bool is_trusted(const Address& address) const;
    void attempt(bool fresh = false);
    void note_silence();
    TimePoint asked_at() const;
    void timed_out();
    void progress_timed_out();
    void cut(std::string_view detail, http::Abort how, bool by_server);
    std::size_t unsent() const;
    std::string_view request_id();
    void note_end(Trace::End end);
    void over(Trace::End end);

    const ExchangeContext& context_;
    Upstreams& upstreams_;
    Ledger& ledger_;
    Workspace& workspace_;
    std::size_t place_ = 0;
    Phase phase_ = Phase::none;
    http::ClientStream* client_ = nullptr;
    std::shared_ptr<const Snapshot> snapshot_;
    const Route* route_ = nullptr;                         // of its router
    std::vector<std::shared_ptr<const Candidates>> pins_;  // keep the servers asked alive
    RequestBody body_;
    http::Pace request_pace_;  // of the client
    http::Pace reply_pace_;
    Server* wanted_ = nullptr;                // by the client's cookie
    Server* server_ = nullptr;                // found last
    std::optional<Lease> lease_;              // of it
    bool probe_request_ = false;              // the attempt is its probe request, without a verdict
    bool back_ = false;                       // it is out, but a new connection to it came up
    bool erred_ = false;                      // it answered with a status of ejection.statuses
    bool measured_ = false;                   // the policy goes by the time to its answer
    std::optional<Attempt> attempt_;          // the last one, which may have ended
    std::optional<Tunnel> tunnel_;            // after a switch of protocols
    std::optional<http::RequestId> made_id_;  // when the client brought none, or a bad one
    std::vector<Server*> tried_;              // each asked once
    unsigned counted_ = 0;                    // failed attempts that were not free
    bool tried_same_ = false;                 // the last server was asked once more
    struct {
        Server* server = nullptr;
        Failure failure{};
        std::string detail;
    } failed_;            // what the next attempt is a retry of
    bool stale_ = false;  // it failed on a connection that its server had closed
    Trace trace_;
    Duration limit_{};        // without progress
    bool half_over_ = false;  // of it, and `unsent_then_` was looked at
    std::size_t unsent_then_ = 0;
    Timer timer_;
    Timer pace_timer_;
    Deferred retry_;
};

}  // namespace otto
