#include "proxy/attempt.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/connect_error.h"
#include "proxy/snapshot.h"
#include "sd/connect_cure.h"

namespace otto {

namespace {

Failure connect_failure(ConnectError error) {
    switch (error) {
        case ConnectError::refused:
            return Failure::refused;
        case ConnectError::shortage:
            return Failure::local;
        case ConnectError::timed_out:
            return Failure::connect_timeout;
        case ConnectError::not_yet:
        case ConnectError::other:
            return Failure::connect_failed;
    }
    return Failure::connect_failed;
}

constexpr Duration suspicious_silence = ServerConnections::Answer::suspicious;
/// How long a server has time for its 100 (Continue).
constexpr Duration continue_wait = std::chrono::seconds(1);

}  // namespace

Attempt::Attempt(AttemptObserver& observer, const ExchangeContext& context,
                 const Snapshot& snapshot, Server& server, http::ClientStream& client,
                 RequestBody& body)
    : observer_(&observer),
      loop_(context.loop),
      upstreams_(context.upstreams),
      workspace_(context.workspace),
      snapshot_(snapshot),
      server_(server),
      counters_(context.ledger.of(server)),
      client_(client),
      request_body_(body),
      request_pipe_(context.workspace.pipes()),
      reply_pipe_(context.workspace.pipes()),
      request_(context.workspace.take_buffer()) {}

Attempt::~Attempt() {
    end();
}

void Attempt::end() {
    if (std::exchange(observer_, nullptr) == nullptr) return;
    phase_ = Phase::over;
    if (std::exchange(waits_for_place_, false)) upstreams_.pool().forget(*this);
    wants_.reset();
    if (clock_) clock_->cancel();
    if (connector_) connector_->cancel();
    slot_.release();
    connection_.reset();
    answer_.end();
    request_pipe_.end();
    reply_pipe_.end();
    request_.clear();
    workspace_.give_buffer(request_.release());
    relayed_ = reply_.received();
    const http1::ResponseReader freed = std::exchange(reply_, {});  // and the memory it holds
}

/// Ends the attempt, and returns its observer for the last call.
AttemptObserver& Attempt::last_call() {
    AttemptObserver& observer = *observer_;
    end();
    return observer;
}

void Attempt::fail(Failure failure, std::string_view detail) {
    last_call().on_attempt_failed(failure, detail);
}

void Attempt::cut(std::string_view detail) {
    last_call().on_reply_cut(detail, http::Abort::cut);
}

void Attempt::client_broken() {
    last_call().on_client_broken();
}

bool Attempt::request_complete() const {
    return request_.empty() && request_pipe_.held() == 0 &&
           request_body_.state() == RequestBody::State::complete;
}

std::size_t Attempt::unsent() const {
    return request_.unsent().size() + request_pipe_.held() + reply_pipe_.held() +
           (connection_ ? connection_->unacknowledged() : 0);
}

// ---- connecting --------------------------------------------------------------------------------

void Attempt::start(const http::ForwardingContext& context, bool fresh, bool repeatable,
                    std::unique_ptr<UpstreamConnection> bound) {
    request_.begin(client_.request(), context);
    request_body_.begin_attempt(request_);
    reply_.begin(client_.request().method, response_limits());
    binds_ = bound != nullptr || client_.request().connection_authentication;
    connection_ = std::move(bound);
    if (!fresh && !connection_) connection_ = upstreams_.pool().take(server_, repeatable);
    if (connection_) {
        connection_->observe(this);
        connected();
        return;
    }
    if (server_.addresses.empty()) {
        fail(Failure::connect_failed, "its name does not resolve");
        return;
    }
    connector_.emplace(loop_, server_.addresses, server_.preferred(),
                       static_cast<net::ConnectorObserver&>(*this));
    observer_->on_progress(snapshot_.config.timeouts.connect);
    take_place();
}

/// The attempt has its turn at the server, but its connection may still have to wait for an idle
/// one of another worker to be closed, or for the end of a check.
void Attempt::take_place() {
    auto slot = ServerConnections::open(server_.connections);
    if (!slot) {
        wants_.emplace(server_.connections, ServerConnections::Want::What::place);
        slot = ServerConnections::open(server_.connections, &*wants_);
    }
    if (!slot) {
        waits_for_place_ = true;
        upstreams_.pool().await_place(*this);
        server_.close_idle();
        return;
    }
    connect(std::move(*slot));
}

bool Attempt::on_place_freed() {
    auto slot = ServerConnections::open(server_.connections, &*wants_);
    if (!slot) return false;
    waits_for_place_ = false;
    upstreams_.pool().forget(*this);
    connect(std::move(*slot));
    return true;
}

void Attempt::connect(ServerConnections::Slot slot) {
    wants_.reset();
    slot_ = std::move(slot);
    connector_->go_on();
}

bool Attempt::on_descriptors_short() {
    return upstreams_.make_room();
}

/// A connection that is not in the backlog yet has no place among the server's connections.
void Attempt::on_backlog_full() {
    if (!server_.connections->limited()) slot_.release();
}

void Attempt::on_retry() {
    if (slot_.of() != nullptr) {
        connector_->go_on();
    } else {
        take_place();
    }
}

void Attempt::on_failed(int error_number) {
    const Address& address = connector_->address();
    fail(connect_failure(connect_error(error_number, !address.is_ip())),
         connect_failure_text(error_number, address));
}

void Attempt::on_connected() {
    connection_ = std::make_unique<UpstreamConnection>(connector_->take(), std::move(slot_));
    connection_->observe(this);
    connected();
}

void Attempt::set_clock(Due due, Duration delay) {
    if (!clock_) clock_.emplace(loop_, [this] { clock_fired(); });
    due_ = due;
    clock_->set_after(delay);
}

void Attempt::clock_fired() {
    switch (due_) {
        case Due::silence:
            if (unheard_) make_way();
            if (may_continue()) set_clock(Due::continuation, continue_wait - suspicious_silence);
            return;
        case Due::continuation:
            if (!may_continue()) return;
            server_.connections->set_never_continues(true);
            continued_ = true;
            if (!client_.send_continue()) client_broken();
            return;
    }
}

/// A server that takes few connections at a time leaves a new one in its backlog while idle ones
/// occupy its processes.
void Attempt::watch_silence() {
    const ServerConnections& connections = *server_.connections;
    unheard_ = !connection_->reused() && !connections.limited() && !connections.serves_many();
    if (unheard_ && connections.serves_few()) make_way();
    if (unheard_ && !answer_.makes_way()) {
        set_clock(Due::silence, suspicious_silence);
    } else if (may_continue()) {
        set_clock(Due::continuation, continue_wait);
    }
}

/// Has the idle connections to the server closed.
void Attempt::make_way() {
    if (answer_.make_way(server_.connections, coarse_now())) server_.close_idle();
}

/// The first byte on a new connection.
void Attempt::heard() {
    unheard_ = false;
    answer_.heard(connection_->slot(), coarse_now());
}

/// The client may be waiting for a 100 (Continue).
bool Attempt::may_continue() const {
    return client_.request().expect_continue && phase_ == Phase::head && interims_ == 0 &&
           !continued_ && request_body_.received() == 0;
}

void Attempt::connected() {
    reused_ = connection_->reused();
    if (!reused_) {
        counters_.connections.add();
        server_.note_connected();
        if (server_.preferred() != connector_->index()) server_.set_preferred(connector_->index());
    }
    phase_ = Phase::head;
    observer_->on_connected(reused_);
    watch_silence();
    if (may_continue() && server_.connections->never_continues()) {
        continued_ = true;
        if (!client_.send_continue()) {
            client_broken();
            return;
        }
    }
    push_request();
    receive();
}

void Attempt::on_upstream(UpstreamConnection&, bool readable, bool writable) {
    if (writable && (!request_.empty() || request_pipe_)) push_request();
    if (readable) receive();
}

}  // namespace otto
