// How an exchange finds a server and a place there, and what it does while there is none.

#include "balance/affinity.h"
#include "proxy/bound_connection.h"
#include "proxy/exchange.h"

namespace otto {

namespace {

/// How long a request waits for the first verdicts on the servers before it fails.
constexpr Duration verdict_wait = std::chrono::seconds(1);
/// How long it waits for candidates that are on their way: they take a millisecond, unless the
/// control thread is busy.
constexpr Duration candidates_wait = std::chrono::seconds(10);

/// How often a place may be lost to another worker between the look and the claim before the server
/// counts as full.
constexpr int claims = 8;

long long whole_seconds(Duration duration) {
    return std::chrono::ceil<std::chrono::seconds>(duration).count();
}

}  // namespace

void Exchange::choose() {
    place(upstreams_.queue().busy() ? Found::full : find_server());
}

void Exchange::place(Found found) {
    switch (found) {
        case Found::server:
            attempt();
            return;
        case Found::full:
            queue_up();
            return;
        case Found::outdated:
        case Found::none:
            no_server_found(found);
            return;
    }
}

/// Takes a place at the server that the client has an authenticated connection to, if it still
/// receives requests.
bool Exchange::find_bound() {
    const BoundConnection* mine = bound();
    if (mine == nullptr || !tried_.empty()) return false;
    Server& server = mine->server();
    if (server.health() == Health::unhealthy || !upstreams_.candidates(*route_).has(server))
        return false;
    lease_ = Lease::take(server, server.connections->most());
    if (lease_) server_ = &server;
    return lease_.has_value();
}

/// Finds a server and takes a place there.
Exchange::Found Exchange::find_server() {
    if (find_bound()) return Found::server;
    const Asked question = asked();
    for (int claim = 0; claim < claims; ++claim) {
        const Picked picked = upstreams_.pick(*route_, question);
        if (picked.server == nullptr) {
            if (picked.saturated) return Found::full;
            return picked.outdated ? Found::outdated : Found::none;
        }
        if (auto lease = Lease::take(*picked.server, picked.most)) {
            lease_ = std::move(lease);
            server_ = picked.server;
            probe_request_ = picked.half_open;
            return Found::server;
        }
        if (picked.half_open) picked.server->offer_probe_request();
    }
    return Found::full;
}

Asked Exchange::asked() const {
    Asked asked{.tried = tried_, .wanted = wanted_};
    const Candidates& candidates = upstreams_.candidates(*route_);
    if (candidates.unhealthy() || candidates.policy().by_latency) asked.now = coarse_now();
    if (candidates.policy().by_client) asked.client = client_key(origin().address);
    return asked;
}

/// All servers that could be used are at their maxConnections.
void Exchange::queue_up() {
    const QueueConfig& config = snapshot_->config.queue;
    if (!upstreams_.queue().push(*this, trace_.attempts > 0, config.length)) {
        ledger_.count_queue_overflow();
        refuse(OwnReply::queue_full,
               "all servers have reached their maxConnections and the queue is full",
               whole_seconds(config.timeout));
        return;
    }
    enter(Phase::queued);
    timer_.set_after(config.timeout);
    if (!pace_timer_.pending()) watch_pace();
    if (upstreams_.queue().is_its_turn(*this)) try_again();
}

bool Exchange::try_again() {
    const Found found = find_server();
    if (found == Found::full) return false;
    upstreams_.queue().remove(*this);
    timer_.cancel();
    place(found);
    return true;
}

/// That changes soon at Otto's start, and when servers have just been taken out: the control thread
/// is about to say which ones receive requests instead, and whether Otto fails open.
void Exchange::no_server_found(Found found) {
    const bool outdated = found == Found::outdated;
    if (outdated || !upstreams_.candidates(*route_).settled()) {
        if (phase_ == Phase::waiting && timer_.pending()) return;
        if (phase_ != Phase::waiting) {
            enter(Phase::waiting);
            timer_.set_after(outdated ? candidates_wait : verdict_wait);
            return;
        }
    }
    if (failed_.server != nullptr) {
        give_up();
    } else {
        refuse(OwnReply::no_server, why_unavailable(upstreams_.snapshot()->pool_of(*route_)),
               upstreams_.retry_after());
    }
}

void Exchange::candidates_changed() {
    if (phase_ == Phase::gathering && !upstreams_.candidates(*route_).all_limited()) choose();
    if (phase_ == Phase::waiting) choose();
}

/// The verdict of a probe request, if this was one and has none yet.
void Exchange::settle_probe_request(bool passed) {
    if (std::exchange(probe_request_, false)) upstreams_.report_probe_request(*server_, passed);
}

/// Gives back the place at the server, and the offer of a probe request without a verdict.
void Exchange::leave_server() {
    if (!lease_) return;
    if (std::exchange(probe_request_, false)) server_->offer_probe_request();
    lease_.reset();
    upstreams_.queue().place_left();
}

void Exchange::queue_timed_out() {
    ledger_.count_queue_timeout();
    refuse(OwnReply::queue_timeout,
           "timed out in the queue, because all servers have reached their maxConnections",
           whole_seconds(snapshot_->config.queue.timeout));
}

}  // namespace otto
