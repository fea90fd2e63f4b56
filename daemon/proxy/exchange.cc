#include "proxy/exchange.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "balance/affinity.h"
#include "http/error_reply.h"
#include "http/forwarding.h"
#include "proxy/worker.h"
#include "sd/journal.h"

namespace otto {

namespace {

/// How long a request waits for the first verdicts on the servers before it fails.
constexpr Duration verdict_wait = std::chrono::seconds(1);

/// How often a place may be lost to another worker between the look and the claim before the server
/// counts as full.
constexpr int claims = 8;

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

/// Answers by which a server, or what stands behind it, says that it cannot serve.
bool is_error(unsigned status) {
    return status == 502 || status == 503 || status == 504;
}

bool is_timeout(Failure failure) {
    return failure == Failure::connect_timeout || failure == Failure::response_timeout;
}

long long whole_seconds(Duration duration) {
    return std::chrono::ceil<std::chrono::seconds>(duration).count();
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
    StickyCookies& sticky = worker_.sticky();
    wanted_ = sticky.enabled() ? sticky.find(client.request()) : nullptr;
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
    switch (worker_.queue().busy() ? Found::full : find_server()) {
        case Found::server:
            attempt();
            return;
        case Found::full:
            queue_up();
            return;
        case Found::nobody:
            wait_for_verdicts();
            return;
    }
}

/// Finds a server and takes a place there.
Exchange::Found Exchange::find_server() {
    const Asked question = asked();
    for (int claim = 0; claim < claims; ++claim) {
        const Picked picked = worker_.pick(question);
        if (picked.server == nullptr) return picked.saturated ? Found::full : Found::nobody;
        if (auto lease = Lease::take(*picked.server, picked.most)) {
            lease_ = std::move(lease);
            server_ = picked.server;
            trial_ = picked.trial;
            return Found::server;
        }
        if (picked.trial) picked.server->offer_trial();
    }
    return Found::full;
}

Asked Exchange::asked() const {
    Asked asked{.tried = std::span(tried_).first(attempts_), .wanted = wanted_};
    switch (worker_.candidates().policy()) {
        case Policy::round_robin:
        case Policy::least_connections:
        case Policy::two_choices:
        case Policy::first:
            break;
        case Policy::fastest:
            asked.now = coarse_now();
            break;
        case Policy::ip_hash:
            asked.client = client_key(http::believed_client(
                client_->peer(), client_->request(),
                [this](const Address& address) { return is_trusted(address); }));
            break;
    }
    return asked;
}

bool Exchange::is_trusted(const Address& address) const {
    return std::ranges::any_of(snapshot_->config.trusted_proxies,
                               [&address](const Cidr& each) { return each.contains(address); });
}

/// All servers that could be used are at their maxConnections.
void Exchange::queue_up() {
    const QueueConfig& config = snapshot_->config.queue;
    if (!worker_.queue().push(*this, attempts_ > 0, config.length)) {
        worker_.count_queue_overflow();
        refuse("all servers are at their maxConnections and the queue is full",
               whole_seconds(config.timeout));
        return;
    }
    phase_ = Phase::queued;
    timer_.set_after(config.timeout);
    if (worker_.queue().is_its_turn(*this)) try_again();
}

bool Exchange::try_again() {
    const Found found = find_server();
    if (found == Found::full) return false;
    worker_.queue().remove(*this);
    timer_.cancel();
    if (found == Found::server) {
        attempt();
    } else {
        wait_for_verdicts();
    }
    return true;
}

/// Nobody can be asked: at Otto's start that may change soon.
void Exchange::wait_for_verdicts() {
    if (!worker_.candidates().settled()) {
        if (phase_ == Phase::waiting && timer_.pending()) return;
        if (phase_ != Phase::waiting) {
            phase_ = Phase::waiting;
            timer_.set_after(verdict_wait);
            return;
        }
    }
    refuse("no server is healthy", worker_.retry_after());
}

void Exchange::candidates_changed() {
    if (phase_ == Phase::waiting) choose();
}

/// Asks the server that was found. `fresh`: once more, on a new connection.
void Exchange::attempt(bool fresh) {
    Server& server = *server_;
    phase_ = Phase::attempting;
    erred_ = false;
    measured_ = worker_.candidates().policy() == Policy::fastest;
    if (measured_) asked_at_ = now();
    if (!fresh) tried_[attempts_++] = &server;
    const http::RequestHead& request = client_->request();
    const Config& config = snapshot_->config;
    std::string& head = worker_.request_head();
    head.clear();
    const std::string_view id = request_id();
    http::append_request_head(head, request,
                              {.client_ip = client_->peer_ip(),
                               .trusted = is_trusted(client_->peer()),
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
    if (measured_ && phase_ == Phase::attempting && !attempt_->reply_begun() &&
        !attempt_->awaits_client())
        note_silence();
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
    // A connection that was closed while idle says nothing about its server: that does not count.
    if (!stale) count_failure(failure, detail);
    attempt_.reset();
    if (stale && allowed(0)) {
        worker_.count_retry();
        log_retry(*server_, to_string(failure), what, "trying a new connection");
        attempt(true);
        return;
    }
    const Server& failed = *server_;
    leave_server();
    if (allowed(attempts_) && try_another(failure, what)) return;
    give_up(failed, status_of(failure), to_string(failure), what);
}

/// False when there is no other, or the budget for retries is used up.
bool Exchange::try_another(Failure failure, const std::string& what) {
    const Server& failed = *server_;
    const Found found = find_server();
    if (found == Found::nobody) return false;
    if (!worker_.may_retry()) {
        leave_server();
        return false;
    }
    worker_.count_retry();
    log_retry(failed, to_string(failure), what, "trying another");
    if (found == Found::server) {
        attempt();
    } else {
        queue_up();
    }
    return true;
}

void Exchange::count_failure(Failure failure, std::string_view detail) {
    worker_.server_failed(*server_, failure, detail);
    if (measured_ && is_timeout(failure)) note_silence();
    if (failure != Failure::local) settle_trial(false);
}

/// The server has not answered for so long. That is no latency, but as much of it at least.
void Exchange::note_silence() {
    const TimePoint time = now();
    const Duration silence = time - asked_at_;
    if (silence > server_->latency(time)) server_->note_latency(silence, time);
}

/// The verdict of the server's trial, if this was one and has none yet.
void Exchange::settle_trial(bool passed) {
    if (std::exchange(trial_, false)) worker_.report_trial(*server_, passed);
}

/// Gives back the place at the server, and its trial if that came to no verdict.
void Exchange::leave_server() {
    if (!lease_) return;
    if (std::exchange(trial_, false)) server_->offer_trial();
    lease_.reset();
    worker_.queue().place_left();
}

void Exchange::on_request_sent() {
    // How long a client takes to send its body says nothing about the server.
    if (measured_ && client_->request().framing != http::Framing::none) asked_at_ = now();
}

std::string_view Exchange::on_response(unsigned status, bool stream) {
    erred_ = is_error(status);
    if (erred_) {
        worker_.server_erred(*server_);
    } else if (stream) {
        server_->note_success();  // its end may be hours away
    }
    settle_trial(!erred_);
    if (measured_ && !stream && attempt_->request_complete()) {
        const TimePoint time = now();
        server_->note_latency(time - asked_at_, time);
    }
    StickyCookies& sticky = worker_.sticky();
    if (!sticky.enabled() || server_ == wanted_) return {};
    return sticky.field_for(*server_, client_->scheme() == "https");
}

void Exchange::on_request_refused(unsigned status, const char* reason) {
    log_refusal(status, reason);
    attempt_.reset();
    reply(status);
}

void Exchange::on_reply_complete(bool client_keep_alive) {
    if (phase_ == Phase::attempting && !erred_) server_->note_success();
    http::ClientStream* client = client_;
    const bool body_left = body_.state() != RequestBody::State::complete;
    over();
    client->finish(client_keep_alive, body_left);
}

void Exchange::on_reply_cut(std::string_view detail, bool noticed) {
    const bool body_is_bad = body_.state() == RequestBody::State::malformed ||
                             body_.state() == RequestBody::State::too_large;
    cut(detail, noticed, !body_is_bad);
}

/// `by_server`: whose fault it is that the reply does not come to its end.
void Exchange::cut(std::string_view detail, bool noticed, bool by_server) {
    worker_.count_cut();
    if (phase_ == Phase::attempting) {
        if (by_server) worker_.server_erred(*server_);
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
    if (phase_ == Phase::queued) {
        worker_.count_queue_timeout();
        const Duration waited = snapshot_->config.queue.timeout;
        refuse("all servers were at their maxConnections for too long", whole_seconds(waited));
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
        cut("no progress in time", false, client_->unsent() == 0);
    } else if (attempt_->connecting()) {
        on_attempt_failed(Failure::connect_timeout, "no connection in time");
    } else if (attempt_->awaits_client()) {
        on_request_refused(408, "the body made no progress in time");
    } else {
        on_attempt_failed(Failure::response_timeout, "no response in time");
    }
}

// ---- ending ------------------------------------------------------------------------------------

void Exchange::give_up(const Server& server, unsigned status, std::string_view what,
                       std::string_view detail) {
    worker_.log_failure(request_id(), server.url, status,
                        fmt::format("{} {}: {} ({}) by {}, {} attempts; answered {}",
                                    client_->request().method_text, client_->request().path, what,
                                    detail, server.url, attempts_, status));
    reply(status);
}

/// There is no server for the request now; there may be one later.
void Exchange::refuse(std::string_view why, long long retry_after) {
    worker_.log_failure(request_id(), "none", 503,
                        fmt::format("{} {}: {}; answered 503", client_->request().method_text,
                                    client_->request().path, why));
    reply(503, fmt::format("Retry-After: {}\r\n", retry_after));
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

void Exchange::log_retry(const Server& server, std::string_view what, std::string_view detail,
                         std::string_view then) const {
    if (!log_debug_enabled()) return;
    log(Priority::debug, nullptr,
        fmt::format("{} {}: {} ({}) by {}; {}", client_->request().method_text,
                    client_->request().path, what, detail, server.url, then));
}

void Exchange::log_refusal(unsigned status, const char* reason) const {
    if (!log_debug_enabled()) return;
    log(Priority::debug, nullptr,
        fmt::format("refused a request from {} with {}: {}", client_->peer_ip(), status, reason));
}

void Exchange::over() {
    attempt_.reset();
    tunnel_.reset();
    worker_.queue().remove(*this);
    leave_server();
    timer_.cancel();
    phase_ = Phase::none;
    client_ = nullptr;
    wanted_ = nullptr;
    server_ = nullptr;
    made_id_.reset();
    worker_.give_buffer(body_.give_back());
    snapshot_.reset();
    candidates_.reset();
    worker_.recycle(*this);
}

}  // namespace otto
