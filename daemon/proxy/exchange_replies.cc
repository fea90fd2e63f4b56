// What an exchange answers without a server, or in its place.

#include <string>

#include <fmt/format.h>

#include "balance/retry.h"
#include "base/phrases.h"
#include "http/error_reply.h"
#include "log/journal.h"
#include "proxy/exchange.h"
#include "proxy/guards.h"

namespace otto {

namespace {

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

/// Requests that no server gets to see. True when it was one.
bool Exchange::answer_locally() {
    auto found = guard(*client_, body_.state());
    if (!found) return false;
    if (found->reason != nullptr) log_refusal(found->status, found->reason);
    reply(found->own, found->status, std::move(found->fields));
    return true;
}

/// The client gets an error for the attempt that failed last.
void Exchange::give_up() {
    const std::string& url = failed_.server->url;
    const unsigned status = status_of(failed_.failure);
    ledger_.log_failure(
        request_id(), url, status,
        fmt::format("{} {}: {} (server {}, {}); answered {}", client_->request().method_text,
                    client_->request().path, describe(failed_.failure, failed_.detail), url,
                    counted(trace_.attempts, "attempt"), status));
    reply(OwnReply::attempt_failed, status);
}

/// There is no server for the request now; there may be one later.
void Exchange::refuse(OwnReply own, std::string_view why, long long retry_after) {
    ledger_.log_failure(request_id(), "none", 503,
                        fmt::format("{} {}: {}; answered 503", client_->request().method_text,
                                    client_->request().path, why));
    reply(own, 503, {{"Retry-After", std::to_string(retry_after)}});
}

/// Otto's own reply. A body that has arrived is dropped, so that the connection can go on.
void Exchange::reply(OwnReply own, unsigned status, Fields extra_fields) {
    const bool body_left = client_->refusal() || body_.discard() != RequestBody::State::complete;
    const http::RequestHead& request = client_->request();
    std::string accept;
    for (const http::Field& field : request.fields) {
        if (field.id != http::FieldId::accept) continue;
        if (!accept.empty()) accept += ", ";
        accept += field.value;
    }
    const http::LocalReply made = http::error_reply({.status = status,
                                                     .extra_fields = std::move(extra_fields),
                                                     .accept = accept,
                                                     .detail = {},
                                                     .request_id = request_id()});
    trace_.own = own;
    trace_.status = status;
    trace_.answered = ledger_.traces() ? now() : TimePoint{};
    trace_.relayed = request.method == http::Method::head ? 0 : made.body.size();
    http::ClientStream* client = client_;
    const std::string_view date = workspace_.date();
    over(Trace::End::complete);
    client->begin_reply(made.head, {.date = date, .last = body_left});
    if (client->end_reply(made.body)) {
        client->finish(body_left);
    } else {
        client->abort(http::Abort::close);
    }
}

void Exchange::log_refusal(unsigned status, const char* reason) const {
    if (!log_debug_enabled()) return;
    log(Priority::debug, nullptr,
        fmt::format("rejected a request from {} with {}: {}", client_->peer_ip(), status, reason));
}

}  // namespace otto
