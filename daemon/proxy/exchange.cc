#include "proxy/exchange.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "http/error_reply.h"
#include "http/forwarding.h"
#include "proxy/worker.h"
#include "sd/journal.h"

namespace otto {

namespace {

/// How long a request waits for the first verdicts on the servers before it fails.
constexpr Duration verdict_wait = std::chrono::seconds(1);

constexpr std::string_view allowed_methods =
    "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n";

unsigned status_of(Failure failure) {
    switch (failure) {
        case Failure::connect_timeout:
        case Failure::response_timeout:
            return 504;
        case Failure::local:
            return 503;
        case Failure::refused:
        case Failure::connect_failed:
        case Failure::reset_before_response:
        case Failure::malformed_response:
            return 502;
    }
    return 502;
}

}  // namespace

Exchange::Exchange(Worker& worker)
    : worker_(worker), timer_(worker.loop(), [this] { timed_out(); }) {}

void Exchange::begin(http::ClientStream& client) {
    client_ = &client;
    client.observe(*this);
    snapshot_ = worker_.snapshot();
    attempts_ = 0;
    body_.begin(client, snapshot_->config.limits);
    if (body_.state() == RequestBody::State::open) body_.lend(worker_.take_buffer());
    worker_.count_request();
    if (answer_locally()) return;
    choose();
}

/// Requests that no server gets to see. True when it was one.
bool Exchange::answer_locally() {
    const http::RequestHead& request = client_->request();
    const bool options = request.method == http::Method::options;
    const bool limited = options && request.find(http::FieldId::max_forwards) != nullptr;
    if (client_->refusal()) {
        log_refusal(client_->refusal().status, client_->refusal().reason);
        reply(client_->refusal().status);
    } else if (request.method == http::Method::connect || request.method == http::Method::trace) {
        reply(405, allowed_methods);
    } else if (limited && !http::max_forwards(request)) {
        log_refusal(400, "Max-Forwards is not a number");
        reply(400);
    } else if (options && (request.path == "*" || (limited && *http::max_forwards(request) == 0))) {
        reply(204, allowed_methods);
    } else if (body_.state() == RequestBody::State::too_large) {
        log_refusal(413, "the body is over the limit");
        reply(413);
    } else {
        return false;
    }
    return true;
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
    made_id_ = worker_.make_request_id();
    return made_id_->text();
}

// ---- finding a server --------------------------------------------------------------------------

void Exchange::choose() {
    Server* server = worker_.pick(std::span(tried_).first(attempts_));
    if (server != nullptr) {
        attempt(*server);
        return;
    }
    if (!worker_.candidates().settled()) {
        if (phase_ == Phase::waiting && timer_.pending()) return;
        if (phase_ != Phase::waiting) {
            phase_ = Phase::waiting;
            timer_.set_after(verdict_wait);
            return;
        }
    }
    worker_.log_failure(request_id(), "none", 503,
                        fmt::format("{} {}: no server is healthy; answered 503",
                                    client_->request().method_text, client_->request().path));
    reply(503, fmt::format("Retry-After: {}\r\n", worker_.retry_after()));
}

void Exchange::candidates_changed() {
    if (phase_ == Phase::waiting) choose();
}

void Exchange::attempt(Server& server, bool fresh) {
    phase_ = Phase::attempting;
    server_ = &server;
    if (!fresh) tried_[attempts_++] = &server;
    const http::RequestHead& request = client_->request();
    const Config& config = snapshot_->config;
    std::string& head = worker_.request_head();
    head.clear();
    const bool trusted = std::ranges::any_of(config.trusted_proxies, [this](const Cidr& each) {
        return each.contains(client_->peer());
    });
    const std::string_view id = request_id();
    http::append_request_head(head, request,
                              {.client_ip = client_->peer_ip(),
                               .trusted = trusted,
                               .scheme = client_->scheme(),
                               .base_path = server.base_path,
                               .request_id = made_id_ ? id : std::string_view(),
                               .server_host = server.host,
                               .via = config.via},
                              request.upgrade);
    // A second go at the same server keeps the pin that it is alive by.
    if (!fresh) candidates_ = worker_.pin_candidates();
    attempt_.emplace(static_cast<AttemptObserver&>(*this), worker_, *snapshot_, server, *client_,
                     body_);
    attempt_->start(head, body_.taken(), fresh);
}

// ---- what the client does ----------------------------------------------------------------------

void Exchange::on_client_body() {
    if (phase_ == Phase::attempting) attempt_->on_client_body();
    if (phase_ == Phase::tunnelling) tunnel_->on_client_body();
}

void Exchange::on_client_drained() {
    if (phase_ == Phase::attempting) {
        attempt_->on_client_drained();
    } else if (phase_ == Phase::tunnelling) {
        tunnel_->on_client_drained();
    }
}

void Exchange::on_client_end() {
    if (phase_ == Phase::tunnelling) tunnel_->on_client_end();
}

void Exchange::on_client_gone() {
    worker_.count_aborted();
    over();
}

void Exchange::on_client_broken() {
    http::ClientStream* client = client_;
    worker_.count_aborted();
    over();
    client->abort(false);
}

// ---- what the attempt does ---------------------------------------------------------------------

void Exchange::on_attempt_failed(Failure failure, std::string_view detail) {
    Server& server = *server_;
    const RetriesConfig& retries = snapshot_->config.retries;
    const bool sent = attempt_->request_sent();
    const bool stale =
        failure == Failure::reset_before_response && attempt_->on_reused_connection();
    const bool idempotent = is_idempotent(client_->request().method);
    const auto allowed = [&](unsigned attempts_made) {
        return may_retry(failure, sent, idempotent, body_.replayable(), attempts_made,
                         retries.attempts);
    };
    const std::string what(detail);
    worker_.server_failed(server, failure, detail);
    attempt_.reset();
    // A connection that was closed while idle says nothing about its server: that does not count.
    if (stale && allowed(0)) {
        worker_.count_retry();
        log_retry(to_string(failure), what, "trying a new connection");
        attempt(server, true);
        return;
    }
    if (allowed(attempts_)) {
        Server* next = worker_.pick(std::span(tried_).first(attempts_));
        if (next != nullptr && worker_.may_retry()) {
            worker_.count_retry();
            log_retry(to_string(failure), what, "trying another");
            attempt(*next);
            return;
        }
    }
    give_up(status_of(failure), to_string(failure), what);
}

void Exchange::on_request_refused(unsigned status, const char* reason) {
    log_refusal(status, reason);
    attempt_.reset();
    reply(status);
}

void Exchange::on_reply_complete(bool client_keep_alive) {
    http::ClientStream* client = client_;
    const bool body_left = body_.state() != RequestBody::State::complete;
    over();
    client->finish(client_keep_alive, body_left);
}

void Exchange::on_reply_cut(std::string_view detail, bool noticed) {
    worker_.count_cut();
    if (phase_ == Phase::attempting) {
        worker_.log_failure(
            request_id(), server_->url, 0,
            fmt::format("{} {}: {} broke off its reply ({})", client_->request().method_text,
                        client_->request().path, server_->url, detail));
    }
    http::ClientStream* client = client_;
    over();
    client->abort(!noticed);
}

void Exchange::on_upgraded(std::unique_ptr<UpstreamConnection> connection, std::span<char> first) {
    phase_ = Phase::tunnelling;
    tunnel_.emplace(static_cast<AttemptObserver&>(*this), worker_, *snapshot_, *client_,
                    std::move(connection));
    attempt_.reset();
    tunnel_->start(first);
}

void Exchange::on_progress(Duration limit) {
    limit_ = limit;
    half_over_ = false;
    timer_.set_after(limit / 2);
}

std::size_t Exchange::unsent() const {
    return client_->unsent() + (attempt_ ? attempt_->unsent() : 0) +
           (tunnel_ ? tunnel_->unsent() : 0);
}

/// Halfway through the time it is noted what the kernel still holds: when less is left at the end,
/// the peer has been reading, though too slowly to let us send more.
void Exchange::timed_out() {
    if (phase_ == Phase::none) return;
    if (phase_ == Phase::waiting) {
        choose();
        return;
    }
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
        on_reply_complete(false);
        return;
    }
    if (attempt_->reply_begun()) {
        on_reply_cut("no progress in time", false);
    } else if (attempt_->connecting()) {
        on_attempt_failed(Failure::connect_timeout, "no connection in time");
    } else if (attempt_->awaits_client()) {
        on_request_refused(408, "the body made no progress in time");
    } else {
        on_attempt_failed(Failure::response_timeout, "no response in time");
    }
}

// ---- ending ------------------------------------------------------------------------------------

void Exchange::give_up(unsigned status, std::string_view what, std::string_view detail) {
    worker_.log_failure(request_id(), server_->url, status,
                        fmt::format("{} {}: {} ({}) by {}, {} attempts; answered {}",
                                    client_->request().method_text, client_->request().path, what,
                                    detail, server_->url, attempts_, status));
    reply(status);
}

/// Otto's own reply. A body that has arrived is dropped, so that the connection can go on.
void Exchange::reply(unsigned status, std::string_view extra_fields) {
    const bool body_left = client_->refusal() || body_.discard() != RequestBody::State::complete;
    const bool keep_alive = client_->may_keep_alive() && !body_left;
    const http::RequestHead& request = client_->request();
    std::string accept;
    for (const http::Field& field : request.fields) {
        if (field.id != http::FieldId::accept) continue;
        if (!accept.empty()) accept += ", ";
        accept += field.value;
    }
    const std::string text = http::error_reply({.status = status,
                                                .keep_alive = keep_alive,
                                                .client_is_http10 = request.version_minor == 0,
                                                .head_only = request.method == http::Method::head,
                                                .date = worker_.date(),
                                                .extra_fields = extra_fields,
                                                .accept = accept,
                                                .detail = {},
                                                .request_id = request_id()});
    worker_.count_reply(status);
    iovec piece{const_cast<char*>(text.data()), text.size()};
    http::ClientStream* client = client_;
    over();
    if (client->send({&piece, 1})) {
        client->finish(keep_alive, body_left);
    } else {
        client->abort(false);
    }
}

void Exchange::log_retry(std::string_view what, std::string_view detail,
                         std::string_view then) const {
    if (!log_debug_enabled()) return;
    log(Priority::debug, nullptr,
        fmt::format("{} {}: {} ({}) by {}; {}", client_->request().method_text,
                    client_->request().path, what, detail, server_->url, then));
}

void Exchange::log_refusal(unsigned status, const char* reason) const {
    if (!log_debug_enabled()) return;
    log(Priority::debug, nullptr,
        fmt::format("refused a request from {} with {}: {}", client_->peer_ip(), status, reason));
}

void Exchange::over() {
    attempt_.reset();
    tunnel_.reset();
    timer_.cancel();
    phase_ = Phase::none;
    client_ = nullptr;
    server_ = nullptr;
    made_id_.reset();
    worker_.give_buffer(body_.give_back());
    snapshot_.reset();
    candidates_.reset();
    worker_.recycle(*this);
}

}  // namespace otto
