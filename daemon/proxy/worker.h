#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "accesslog/access_log.h"
#include "accesslog/writer.h"
#include "balance/candidates.h"
#include "balance/retry.h"
#include "balance/retry_budget.h"
#include "event/loop.h"
#include "event/mailbox.h"
#include "event/spares.h"
#include "http/front.h"
#include "http/request_id.h"
#include "net/pipe.h"
#include "observe/worker_counters.h"
#include "proxy/queue.h"
#include "proxy/snapshot.h"
#include "proxy/sticky.h"
#include "proxy/upstream_pool.h"

namespace otto {

class Exchange;

using observe::WorkerCounters;

/// What workers tell the control thread. Called there, from its mailbox.
struct WorkerReports {
    /// A worker took the server with this Server::id out, since connections to it fail.
    std::function<void(std::uint64_t server, std::string reason)> on_taken_out;
    /// So many attempts at the server failed in a row: `ejection.consecutiveErrors`, or a multiple
    /// of it. Until the control thread acts, more of them may be on their way.
    std::function<void(std::uint64_t server, unsigned count)> on_errors;
    /// A server that is out answered a request, on a new connection, and not with an error.
    std::function<void(std::uint64_t server)> on_answered;
    /// How the trial of a server (Server::offer_trial) went. One without a verdict, since its
    /// client went away or Otto itself failed, is offered again instead.
    std::function<void(std::uint64_t server, bool passed)> on_trial;
    std::function<void(unsigned worker, std::string reason)> on_accept_paused;
    std::function<void(unsigned worker)> on_accept_resumed;
    /// What was applied before Worker::confirm() is in force.
    std::function<void(unsigned worker)> on_confirmed;
    /// A drain has ended: no connection is left.
    std::function<void(unsigned worker)> on_drained;
};

/// What all workers share. Outlives them.
struct WorkerContext {
    Mailbox& control;
    const WorkerReports& reports;
    http::ConnectionShare& share;
    unsigned workers;
    QueueShare& queue;
    ConnectionCalls& connections;
    const tls::Secret& sticky_key;  // signs the cookies of `sticky`
    accesslog::Queue& access_log;
};

/// A thread with its event loop, listeners, connections and idle pool. It owns traffic; decisions
/// are the control thread's.
class Worker {
  public:
    /// Its loop and mailbox; the thread starts with start(). `sockets` are its own duplicates of
    /// the listening sockets.
    static Result<std::unique_ptr<Worker>> open(const WorkerContext& context, unsigned index,
                                                std::vector<UniqueFd> sockets,
                                                std::shared_ptr<const Snapshot> snapshot);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // ---- for the control thread ----

    [[nodiscard]] Status start();
    /// From now on new requests use this one; those in flight keep theirs.
    void apply(std::shared_ptr<const Snapshot> snapshot);
    /// Control thread: whether what was given to apply() last holds, for each request from now on.
    bool up_to_date() const {
        return counters_.applied.load(std::memory_order_acquire) == ordered_;
    }
    /// Asks for WorkerReports::on_confirmed.
    void confirm();
    /// The loop answers by counting `pings_answered`.
    void ping();
    /// Control thread: how long the answer to the last ping took, or has been taking by now.
    Duration lag() const;
    /// From now on each reply says that it is the last on its connection.
    void end_keep_alive();
    /// Accepts no more, closes idle connections, and ends each other one after its reply.
    void drain();
    /// Ends what is left and the thread. Joins it.
    void stop();
    const WorkerCounters& counters() const { return counters_; }
    /// Control thread: the most connections of clients that were open since the last call.
    std::uint64_t take_most_connections() {
        return counters_.most_connections.exchange(0, std::memory_order_relaxed);
    }
    unsigned index() const { return index_; }

    // ---- for its exchanges, on its thread ----

    const Loop& loop() const { return loop_; }
    UpstreamPool& pool() { return *pool_; }
    net::PipePool& pipes() { return pipes_; }
    const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }
    const Candidates& candidates(const Route& route) const {
        return *snapshot_->pool_of(route).candidates;
    }
    std::shared_ptr<const Candidates> pin_candidates(const Route& route) const {
        return {snapshot_, &candidates(route)};
    }
    Picked pick(const Route&, const Asked& asked) { return picker_.pick(asked); }
    Queue& queue() { return queue_; }
    StickyCookies& sticky() { return sticky_; }
    bool draining() const { return draining_; }
    /// Closes a client's connection that waits for its client, when descriptors have run out. True
    /// when that has freed one.
    bool make_room() {
        return front_->make_room(http::ConnectionShare::descriptor) == http::Front::Room::made;
    }
    /// Takes the server of a failed attempt out when that is due, or counts an error of its.
    void server_failed(Server& server, Failure failure, std::string_view detail);
    /// Counts an error; tells the control thread when there were too many in a row.
    void server_erred(Server& server);
    /// Reports that it did, if it is still out.
    void server_answered(const Server& server);
    void report_trial(const Server& server, bool passed);
    /// Whether one more retry fits the budget, which it then takes.
    bool may_retry() {
        const bool may = retry_budget_.withdraw(coarse_now());
        if (!may) counters_.retries_denied.add();
        return may;
    }
    http::RequestId make_request_id() { return request_ids_.next(); }
    /// Logs a request that failed by the fault of `server` (its URL, or "none"): `status` is what
    /// the client got, 0 when its connection was cut. In a flood some are only counted.
    void log_failure(std::string_view request_id, std::string_view server, unsigned status,
                     const std::string& text);
    /// Takes an exchange back that is over.
    void recycle(Exchange& exchange);
    /// Seconds after which a client may try again when no server is healthy.
    long long retry_after() const;
    /// The current date as IMF-fixdate.
    std::string_view date();

    // Buffers that calls share, so that the steady state allocates nothing. Their content is lost
    // with the next user.
    std::span<char> scratch(Bytes limit) {
        return std::span(scratch_).first(std::min<std::size_t>(scratch_.size(), limit));
    }
    http::ResponseHead& response_head() { return response_head_; }
    std::string take_buffer();
    void give_buffer(std::string buffer);

    /// This worker's own.
    ServerCounters& counters_of(const Server& server) {
        return server.metrics->shard(index_, context_.workers);
    }
    /// Whether the times of a Trace are wanted.
    bool traces() const { return observe::metrics_compiled || logs_requests(); }
    /// Whether ended requests are logged.
    bool logs_requests() const { return access_writer_.enabled(); }
    /// Counts and logs a request that is over. `last`: the server that was asked last, or null.
    void ended(const Server* last, const accesslog::Ended& ended);
    void count_request() {
        add(counters_.requests);
        retry_budget_.deposit();
    }
    void count_retry() { add(counters_.retries); }
    void count_queue_timeout() { add(counters_.queue_timeouts); }
    /// A client was below timeouts.minimumRate: with what it sends, or with what it takes.
    void count_slow_client(bool sends) {
        (sends ? counters_.slow_senders : counters_.slow_readers).add();
    }
    void count_queue_overflow() { add(counters_.queue_overflows); }

  private:
    Worker(const WorkerContext& context, unsigned index, Loop loop,
           std::shared_ptr<const Snapshot> snapshot);

    static void add(std::atomic<std::uint64_t>& counter) {
        counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    Status make_front();
    void run();
    void configure();
    void begin_request(http::ClientStream& client);
    Picker make_picker() const;
    void take_on(std::shared_ptr<const Snapshot> snapshot);

    const WorkerContext context_;
    const unsigned index_;
    std::uint64_t ordered_ = 0;  // calls of apply(); control thread
    std::uint64_t pings_ = 0;    // control thread
    TimePoint pinged_{};         // likewise
    Loop loop_;
    std::unique_ptr<Mailbox> mailbox_;
    std::vector<UniqueFd> sockets_;
    WorkerCounters counters_;
    std::thread thread_;

    // The rest belongs to the thread once it runs.
    std::shared_ptr<const Snapshot> snapshot_;
    Picker picker_;  // of the one pool
    bool draining_ = false;
    std::unique_ptr<UpstreamPool> pool_;
    std::optional<std::size_t> connection_line_;  // of ConnectionCalls
    net::PipePool pipes_;
    Queue queue_;
    StickyCookies sticky_;
    accesslog::Writer access_writer_;
    std::unique_ptr<http::Front> front_;
    std::vector<std::unique_ptr<Exchange>> exchanges_;  // that are in progress
    Spares<std::unique_ptr<Exchange>> spare_exchanges_;
    std::vector<char> scratch_;
    http::ResponseHead response_head_;
    Spares<std::string> buffers_;
    RetryBudget retry_budget_;
    http::RequestIds request_ids_;
    TimePoint failures_from_{};  // of the current second of failure records
    unsigned failures_logged_ = 0;
    std::uint64_t failures_left_out_ = 0;
    std::string date_;
    long long date_second_ = 0;
};

}  // namespace otto
