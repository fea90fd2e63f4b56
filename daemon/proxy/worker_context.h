#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "accept/connection_share.h"
#include "accesslog/access_log.h"
#include "balance/server_connections.h"
#include "event/mailbox.h"
#include "proxy/queue.h"
#include "tls/hmac.h"

namespace otto {

/// What workers tell the control thread. Called there, from its mailbox.
struct WorkerReports {
    /// A worker took the server with this Server::id out, since connections to it fail.
    std::function<void(std::uint64_t server, std::string reason)> on_taken_out;
    /// So many attempts at the server failed in a row: `ejection.consecutiveErrors`, or a multiple
    /// of it. Until the control thread acts, more of them may be on their way.
    std::function<void(std::uint64_t server, unsigned count)> on_errors;
    /// A server that is out answered a request, on a new connection, and not with an error.
    std::function<void(std::uint64_t server)> on_answered;
    /// The result of a probe request (Server::offer_probe_request). One without a verdict, because
    /// its client went away or Otto itself failed, is offered again instead.
    std::function<void(std::uint64_t server, bool passed)> on_probe_request;
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
    accept::ConnectionShare& share;
    unsigned workers;
    QueueShare& queue;
    ConnectionCalls& connections;
    const tls::Secret& sticky_key;  // signs the cookies of `sticky`
    accesslog::Queue& access_log;
};

}  // namespace otto
