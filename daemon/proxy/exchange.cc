#include "proxy/exchange.h"

#include <algorithm>
#include <cassert>
#include <string>

#include <fmt/format.h>

#include "balance/retry.h"
#include "http/forwarding.h"
#include "log/journal.h"
#include "proxy/bound_connection.h"

namespace otto {

Exchange::Exchange(const ExchangeContext& context)
    : context_(context),
      upstreams_(context.upstreams),
      ledger_(context.ledger),
      workspace_(context.workspace),
      timer_(context.loop, [this] { timed_out(); }),
      pace_timer_(context.loop, [this] { check_pace(); }),
      retry_(context.loop, [this] { retry(); }) {}

std::size_t Exchange::bytes() const {
    return sizeof(Exchange) + tried_.capacity() * sizeof tried_[0] +
           pins_.capacity() * sizeof pins_[0] + failed_.detail.capacity();
}

void Exchange::begin(http::ClientStream& client) {
    attempt_.reset();
    tunnel_.reset();
    client_ = &client;
    client.observe(*this);
    snapshot_ = upstreams_.snapshot();
    route_ = &snapshot_->router.find(client.request());
    trace_ = {};
    if (ledger_.traces()) trace_.begun = now();
    body_.begin(client, snapshot_->config.limits, snapshot_->config.forward_trailers);
    if (body_.state() == RequestBody::State::open) body_.lend(workspace_.take_buffer());
    ledger_.count_request();
    upstreams_.note_request();
    if (answer_locally()) return;
    StickyCookies& sticky = upstreams_.sticky();
    wanted_ = sticky.enabled() ? sticky.find(client.request()) : nullptr;
    if (!gather_body()) choose();
}

/// Every change of the phase, all of which may_move() allows.
void Exchange::enter(Phase phase) {
    assert(may_move(phase_, phase));
    phase_ = phase;
}

/// The client's, if it sent just one and that can be used, or else one of our own.
std::string_view Exchange::request_id() {
    if (made_id_) return made_id_->text();
    const auto& fields = client_->request().fields;
    const auto is_id = [](const http::Field& field) {
        return field.id == http::FieldId::x_request_id;
    };
    const auto sent = std::ranges::find_if(fields, is_id);
    if (sent != fields.end() && http::valid_request_id(sent->value) &&
        std::none_of(sent + 1, fields.end(), is_id))
        return sent->value;
    made_id_ = workspace_.make_request_id();
    return made_id_->text();
}

/// What the client has authenticated, or null.
BoundConnection* Exchange::bound() const {
    const auto* kept = client_->attachment();
    return kept != nullptr ? static_cast<BoundConnection*>(kept->get()) : nullptr;
}

/// The attempt's connection, if that is bound to this client. Any other one is closed.
std::unique_ptr<UpstreamConnection> Exchange::take_bound(bool fresh) {
    BoundConnection* mine = bound();
    if (mine == nullptr) return nullptr;
    auto connection = !fresh && &mine->server() == server_ ? mine->take() : nullptr;
    client_->attachment()->reset();
    return connection;
}

void Exchange::on_bound(std::unique_ptr<UpstreamConnection> connection) {
    if (auto* kept = client_->attachment())
        *kept = std::make_unique<BoundConnection>(upstreams_.pool(), *server_, pins_.back(),
                                                  std::move(connection));
}

http::Origin Exchange::origin() const {
    return http::origin_of(client_->peer(), client_->scheme(), client_->request(),
                           [this](const Address& address) { return is_trusted(address); });
}

bool Exchange::is_trusted(const Address& address) const {
    return std::ranges::any_of(snapshot_->config.trusted_proxies,
                               [&address](const Cidr& each) { return each.contains(address); });
}

/// Asks the server that was found. `fresh`: once more, on a new connection.
void Exchange::attempt(bool fresh) {
    Server& server = *server_;
    const bool first = phase_ == Phase::none;
    enter(Phase::attempting);
    back_ = false;
    erred_ = false;
    measured_ = upstreams_.candidates(*route_).policy().by_latency;
    if (measured_ || ledger_.traces())
        trace_.attempted = first && ledger_.traces() ? trace_.begun : now();
    trace_.connected = trace_.sent = TimePoint{};
    if (failed_.server != nullptr) count_retry();
    // What has come while the request waited for its place says nothing about its pace.
    if (trace_.attempts == 0) watch_pace();
    if (!fresh) {
        tried_.push_back(&server);
        ++trace_.attempts;
    }
    const http::RequestHead& request = client_->request();
    const Config& config = snapshot_->config;
    const std::string_view id = request_id();
    const bool trusted = is_trusted(client_->peer());
    const http::Origin from = trusted ? origin() : http::Origin();
    // A second attempt at the same server keeps the pin that it is alive by.
    if (!fresh && (pins_.empty() || pins_.back().get() != &upstreams_.candidates(*route_)))
        pins_.push_back(upstreams_.pin_candidates(*route_));
    attempt_.emplace(static_cast<AttemptObserver&>(*this), context_, *snapshot_, server, *client_,
                     body_);
    attempt_->start({.client_ip = client_->peer_ip(),
                     .trusted = trusted,
                     .scheme = client_->scheme(),
                     .client_scheme = from.scheme,
                     .client_host = from.host,
                     .drop_trailers = !config.forward_trailers,
                     .base_path = server.base_path,
                     .request_id = made_id_ ? id : std::string_view(),
                     .server_host = server.host,
                     .via = config.via},
                    fresh, is_idempotent(request.method), take_bound(fresh));
}

// ---- what the client does ----------------------------------------------------------------------

void Exchange::on_client_body() {
    if (phase_ == Phase::gathering) {
        if (body_arrived()) choose();
        return;
    }
    if (phase_ == Phase::attempting) {
        attempt_->on_client_body();
    } else if (phase_ == Phase::tunnelling) {
        tunnel_->on_client_body();
    }
}

void Exchange::on_client_drained() {
    if (phase_ == Phase::attempting) {
        attempt_->on_client_drained();
    } else if (phase_ == Phase::tunnelling) {
        tunnel_->on_client_drained();
    }
}

/// A request whose body is here is answered. One whose body is not is found to be incomplete once
/// all of it that has come was taken.
void Exchange::on_client_end() {
    switch (phase_) {
        case Phase::gathering:
            choose();
            return;
        case Phase::attempting:
            attempt_->on_client_body();
            return;
        case Phase::tunnelling:
            tunnel_->on_client_end();
            return;
        case Phase::none:
        case Phase::waiting:
        case Phase::queued:
        case Phase::pausing:
            return;
    }
}

void Exchange::on_client_gone() {
    if (measured_ && phase_ == Phase::attempting && !attempt_->reply_begun() &&
        !attempt_->awaits_client())
        note_silence();
    over(Trace::End::aborted);
}

void Exchange::on_client_broken() {
    http::ClientStream* client = client_;
    over(Trace::End::aborted);
    client->abort(http::Abort::close);
}

// ---- what the attempt does ---------------------------------------------------------------------

void Exchange::on_connected(bool reused) {
    back_ = !reused && server_->health() == Health::unhealthy;
    if (ledger_.traces()) trace_.connected = reused ? trace_.attempted : now();
}

/// The server has not answered for so long. That is no latency, but as much of it at least.
void Exchange::note_silence() {
    const TimePoint time = now();
    const Duration silence = time - asked_at();
    if (silence > server_->latency(time)) server_->note_latency(silence, time);
}

/// How long a client takes to send its body says nothing about the server.
TimePoint Exchange::asked_at() const {
    return trace_.sent == TimePoint{} ? trace_.attempted : trace_.sent;
}

void Exchange::on_request_sent() {
    if (!client_->request().has_body()) return;
    if (measured_ || ledger_.traces()) trace_.sent = now();
}

std::string_view Exchange::on_response(unsigned status, bool stream) {
    const std::vector<unsigned>& errors = snapshot_->config.ejection.statuses;
    erred_ = status >= 500 && std::ranges::find(errors, status) != errors.end();
    if (erred_) {
        upstreams_.server_erred(*server_);
    } else {
        if (stream) server_->note_success();  // its end may be hours away
        if (back_) upstreams_.server_answered(*server_);
    }
    settle_probe_request(!erred_);
    if (measured_ || ledger_.traces()) trace_.answered = now();
    if (measured_ && !stream && attempt_->request_complete())
        server_->note_latency(trace_.answered - asked_at(), trace_.answered);
    trace_.status = status;
    trace_.stream = stream;
    if (stream) server_->count_stream(1);
    ServerCounters& counters = ledger_.of(*server_);
    counters.replies[observe::reply_class(status)].add();
    if (!stream) counters.head.observe(trace_.answered - trace_.attempted);
    StickyCookies& sticky = upstreams_.sticky();
    if (!sticky.enabled() || server_ == wanted_) return {};
    return sticky.cookie_for(*server_, http::equal_ignoring_case(origin().scheme, "https"));
}

void Exchange::on_request_refused(unsigned status, const char* reason) {
    log_refusal(status, reason);
    attempt_->end();
    reply(OwnReply::refused, status);
}

void Exchange::on_reply_complete() {
    if (phase_ == Phase::attempting && !erred_) server_->note_success();
    http::ClientStream* client = client_;
    const bool body_left = body_.state() != RequestBody::State::complete;
    over(Trace::End::complete);
    client->finish(body_left);
}

void Exchange::on_reply_cut(std::string_view detail, http::Abort how) {
    const bool body_is_bad = body_.state() == RequestBody::State::malformed ||
                             body_.state() == RequestBody::State::too_large;
    cut(detail, how, !body_is_bad);
}

/// `by_server`: whose fault it is that the reply does not come to its end.
void Exchange::cut(std::string_view detail, http::Abort how, bool by_server) {
    if (phase_ == Phase::attempting) {
        if (by_server) {
            upstreams_.server_erred(*server_);
            ledger_.of(*server_).cut.add();
        }
        ledger_.log_failure(request_id(), server_->url, 0,
                            fmt::format("{} {}: the response from {} was cut off ({})",
                                        client_->request().method_text, client_->request().path,
                                        server_->url, detail));
    }
    http::ClientStream* client = client_;
    over(Trace::End::cut);
    client->abort(how);
}

void Exchange::on_upgraded(std::unique_ptr<UpstreamConnection> connection, std::span<char> first) {
    enter(Phase::tunnelling);
    trace_.tunnel = true;
    tunnel_.emplace(static_cast<AttemptObserver&>(*this), workspace_, *snapshot_, *client_,
                    ledger_.of(*server_), std::move(connection));
    tunnel_->start(first);
}

void Exchange::on_progress(Duration limit) {
    limit_ = limit;
    half_over_ = false;
    timer_.set_after(limit / 2);
}

std::size_t Exchange::unsent() const {
    return client_->unsent() +
           (phase_ == Phase::tunnelling ? tunnel_->unsent() : attempt_->unsent());
}

void Exchange::timed_out() {
    switch (phase_) {
        case Phase::none:
        case Phase::pausing:
            return;
        case Phase::gathering:
        case Phase::waiting:
            choose();
            return;
        case Phase::queued:
            queue_timed_out();
            return;
        case Phase::attempting:
        case Phase::tunnelling:
            progress_timed_out();
            return;
    }
}

/// Halfway through the time it is noted what the kernel still holds: when less is left at the end,
/// the peer has been reading, though too slowly for Otto to send more.
void Exchange::progress_timed_out() {
    if (!half_over_) {
        half_over_ = true;
        unsent_then_ = unsent();
        timer_.set_after(limit_ / 2);
        return;
    }
    if (unsent() < unsent_then_) {
        on_progress(limit_);
        return;
    }
    if (phase_ == Phase::tunnelling) {
        on_reply_complete();
        return;
    }
    if (attempt_->reply_begun()) {
        cut("no progress in time", http::Abort::reset, client_->unsent() == 0);
    } else if (attempt_->connecting()) {
        on_attempt_failed(Failure::connect_timeout, "no connection in time");
    } else if (attempt_->awaits_client()) {
        on_request_refused(408, "the body made no progress in time");
    } else {
        on_attempt_failed(Failure::response_timeout, "no response in time");
    }
}

// ---- ending ------------------------------------------------------------------------------------

/// Reports how the request has ended.
void Exchange::note_end(Trace::End end) {
    if (ledger_.traces()) trace_.ended = now();
    trace_.end = end;
    trace_.received = body_.received();
    if (phase_ == Phase::attempting && trace_.own == OwnReply::none)
        trace_.relayed = attempt_->relayed();
    if (phase_ == Phase::tunnelling) {
        trace_.received += tunnel_->received();
        trace_.relayed = tunnel_->relayed();
    }
    ledger_.ended(server_,
                  {.client = *client_,
                   .trusted_proxies = snapshot_->config.trusted_proxies,
                   .trace = trace_,
                   .tried = tried_,
                   .request_id = ledger_.logs_requests() ? request_id() : std::string_view()});
}

void Exchange::over(Trace::End end) {
    note_end(end);
    if (trace_.stream) server_->count_stream(-1);
    if (attempt_) attempt_->end();
    if (tunnel_) tunnel_->end();
    upstreams_.queue().remove(*this);
    leave_server();
    timer_.cancel();
    pace_timer_.cancel();
    retry_.cancel();
    enter(Phase::none);
    client_ = nullptr;
    wanted_ = nullptr;
    server_ = nullptr;
    failed_.server = nullptr;
    tried_.clear();
    counted_ = 0;
    tried_same_ = false;
    made_id_.reset();
    workspace_.give_buffer(body_.give_back());
    snapshot_.reset();
    pins_.clear();
    context_.on_over(*this);
}

}  // namespace otto
