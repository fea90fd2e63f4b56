#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "accept/listener.h"
#include "event/loop.h"
#include "event/mailbox.h"
#include "observe/worker_counters.h"
#include "proxy/exchange_context.h"
#include "proxy/exchange_pool.h"
#include "proxy/ledger.h"
#include "proxy/snapshot.h"
#include "proxy/upstreams.h"
#include "proxy/worker_context.h"
#include "proxy/workspace.h"

namespace otto {

using observe::WorkerCounters;

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
        return counters().applied.load(std::memory_order_acquire) == ordered_;
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
    const WorkerCounters& counters() const { return ledger_.counters(); }
    /// Control thread: the most connections of clients that were open since the last call.
    std::uint64_t take_most_connections() {
        return ledger_.counters().most_connections.exchange(0, std::memory_order_relaxed);
    }
    unsigned index() const { return index_; }

  private:
    Worker(const WorkerContext& context, unsigned index, Loop loop);

    Status make_listener();
    void run();
    void configure();
    void begin_request(http::ClientStream& client);
    void take_on(std::shared_ptr<const Snapshot> snapshot);

    const WorkerContext context_;
    const unsigned index_;
    std::uint64_t ordered_ = 0;  // calls of apply(); control thread
    std::uint64_t pings_ = 0;    // control thread
    TimePoint pinged_{};         // likewise
    Loop loop_;
    std::unique_ptr<Mailbox> mailbox_;
    std::vector<UniqueFd> sockets_;
    Ledger ledger_;
    std::thread thread_;

    // The rest belongs to the thread once it runs.
    Workspace workspace_;
    std::unique_ptr<Upstreams> upstreams_;
    std::unique_ptr<accept::Listener> listener_;
    std::optional<ExchangeContext> exchange_context_;
    std::optional<ExchangePool> exchanges_;
};

}  // namespace otto
