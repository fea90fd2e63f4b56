#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "balance/candidates.h"
#include "balance/retry.h"
#include "balance/retry_budget.h"
#include "event/loop.h"
#include "event/mailbox.h"
#include "proxy/ledger.h"
#include "proxy/queue.h"
#include "proxy/snapshot.h"
#include "proxy/sticky.h"
#include "proxy/upstream_pool.h"
#include "proxy/worker_context.h"

namespace otto {

/// How the exchanges of one worker come to a place at a server: the configuration that they begin
/// with, the choice of a server, the queue for those that are full, idle connections, the budget
/// for retries. Reports to the control thread what is learnt of servers. Owned by the worker, used
/// on its thread.
class Upstreams {
  public:
    using Post = std::function<void(std::function<void()>)>;

    /// `post` calls a message on this thread later; it may be called on any.
    Upstreams(const Loop& loop, const WorkerContext& context, unsigned index, Ledger& ledger,
              std::shared_ptr<const Snapshot> snapshot, Post post);
    ~Upstreams();
    Upstreams(const Upstreams&) = delete;
    Upstreams& operator=(const Upstreams&) = delete;

    /// Requests that begin from now on use this one. True when more than its candidates is new.
    bool take_on(std::shared_ptr<const Snapshot> snapshot);
    /// Takes over what the configuration says.
    void configure();
    /// Keeps no idle connection any more.
    void drain();
    bool draining() const { return draining_; }
    /// Closes all idle connections.
    void close();
    /// How to get a descriptor when they have run out: true when one has become free.
    void on_shortage(std::function<bool()> make_room) { make_room_ = std::move(make_room); }
    bool make_room() { return make_room_ && make_room_(); }

    const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }
    const Candidates& candidates(const Route& route) const {
        return *snapshot_->pool_of(route).candidates;
    }
    std::shared_ptr<const Candidates> pin_candidates(const Route& route) const {
        return {snapshot_, &candidates(route)};
    }
    Picked pick(const Route&, const Asked& asked) { return picker_.pick(asked); }
    UpstreamPool& pool() { return *pool_; }
    Queue& queue() { return queue_; }
    StickyCookies& sticky() { return sticky_; }

    /// A request has begun, which adds to the budget for retries.
    void note_request() { retry_budget_.deposit(); }
    /// Whether one more retry fits the budget, which it then takes.
    bool may_retry();
    /// Seconds after which a client may try again when no server is healthy.
    long long retry_after() const;

    /// Takes the server of a failed attempt out when that is due, or counts an error of it.
    void server_failed(Server& server, Failure failure, std::string_view detail);
    /// Counts an error; notifies the control thread when there were too many in a row.
    void server_erred(Server& server);
    /// Reports that it did, if it is still out.
    void server_answered(const Server& server);
    void report_probe_request(const Server& server, bool passed);

  private:
    Picker make_picker() const;

    const WorkerContext& context_;
    const unsigned index_;
    Ledger& ledger_;
    std::shared_ptr<const Snapshot> snapshot_;
    Picker picker_;  // of the one pool
    bool draining_ = false;
    std::function<bool()> make_room_;
    std::unique_ptr<UpstreamPool> pool_;
    std::size_t connection_line_;  // of ConnectionCalls
    Queue queue_;
    StickyCookies sticky_;
    RetryBudget retry_budget_;
};

}  // namespace otto
