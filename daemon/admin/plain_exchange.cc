#include "admin/plain_exchange.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <time.h>

#include "admin/plain_server.h"
#include "http/date.h"

namespace otto::admin {

namespace {

constexpr Bytes largest_body = 1024 * 1024;
/// For a whole body to come in.
constexpr Duration body_time = std::chrono::seconds(20);
/// What may wait for a stream's reader, besides what was added last, when there is more to add.
constexpr std::size_t most_unsent = 256 * 1024;

}  // namespace

PlainExchange::PlainExchange(const Loop& loop, PlainServer& server, http::ClientStream& client,
                             bool local, std::uint64_t ticket)
    : server_(server),
      client_(&client),
      ticket_(ticket),
      patience_(loop, [this] { refuse(408, "the request body took too long"); }) {
    request_.local = local;
    client.observe(*this);
}

void PlainExchange::begin() {
    phase_ = Phase::reading;
    read_head();
    if (request_.refused != 0) {
        refuse(request_.refused, request_.refusal);
        return;
    }
    if (auto refusal = server_.callbacks_.on_head(request_)) {
        answer(*refusal);
        return;
    }
    if (client_->request().body_length().value_or(0) > largest_body) {
        refuse(413, fmt::format("the body is larger than {} bytes", largest_body));
        return;
    }
    if (client_->request().expect_continue && client_->body().empty() &&
        !sent(client_->send_continue())) {
        server_.over(*this);
        return;
    }
    patience_.set_after(body_time);
    read_body();
}

void PlainExchange::read_head() {
    const http::RequestHead& head = client_->request();
    const http::Refusal& refusal = client_->refusal();
    request_.refused = refusal.status;
    request_.refusal = refusal.reason;
    request_.peer = request_.local ? client_->peer_process() : client_->peer().text();
    if (request_.peer.empty()) request_.peer = "a client on the UNIX socket";
    if (request_.local) request_.user = client_->peer_user();
    if (request_.refused != 0) return;
    request_.method = head.method_text;
    const auto question = std::min(head.path.find('?'), head.path.size());
    request_.path = head.path.substr(0, question);
    request_.query = head.path.substr(std::min(question + 1, head.path.size()));
    for (const http::Field& field : head.fields)
        request_.fields.emplace_back(field.name, field.value);
    body_taken_ = head.body_length() == Bytes{0};
}

void PlainExchange::on_client_body() {
    if (phase_ == Phase::reading) read_body();
}

void PlainExchange::read_body() {
    for (;;) {
        const std::string_view bytes = client_->body();
        if (bytes.empty()) break;
        if (request_.body.size() + bytes.size() > largest_body) {
            refuse(413, fmt::format("the body is larger than {} bytes", largest_body));
            return;
        }
        request_.body.append(bytes);
        client_->consume_body(bytes.size());
    }
    switch (client_->body_state()) {
        case http::BodyState::open:
            return;
        case http::BodyState::malformed:
            refuse(400, client_->body_error());
            return;
        case http::BodyState::complete:
            break;
    }
    body_taken_ = true;
    patience_.cancel();
    phase_ = Phase::waiting;
    server_.callbacks_.on_request(request_, ticket_);
}

void PlainExchange::refuse(unsigned status, std::string reason) {
    request_.refused = status;
    request_.refusal = std::move(reason);
    const auto refusal = server_.callbacks_.on_head(request_);
    answer(refusal ? *refusal : PlainReply{.status = status, .body = {}, .type = {}, .fields = {}});
}

void PlainExchange::on_client_gone() {
    client_ = nullptr;
    server_.gone(*this);
}

// ---- replies -----------------------------------------------------------------------------------

/// False when the connection has been given up.
bool PlainExchange::sent(bool all) {
    if (!all) abandon();
    return all;
}

void PlainExchange::begin_reply(const http::LocalHead& head, bool last) {
    std::string date;
    http::append_imf_fixdate(date, ::time(nullptr));
    client_->begin_reply(head, {.date = date, .last = last});
}

void PlainExchange::answer(const PlainReply& reply) {
    patience_.cancel();
    const bool shared = !reply.shared.text.empty();
    http::LocalHead head = head_of(reply);
    head.length = shared ? reply.shared.text.size() : reply.body.size();
    begin_reply(head, !body_taken_);
    const bool whole = shared ? client_->write_shared(reply.shared) && client_->end_reply()
                              : client_->end_reply(reply.body);
    if (sent(whole)) {
        phase_ = Phase::over;
        client_->finish(!body_taken_);
    }
    server_.over(*this);
}

void PlainExchange::start_stream(const PlainReply& reply) {
    phase_ = Phase::streaming;
    begin_reply(head_of(reply), true);
    if (!sent(client_->write({}))) server_.over(*this);
}

bool PlainExchange::push(const http::SharedText& text) {
    if (client_->unsent() > most_unsent + last_push_) {
        abandon();
        server_.over(*this);
        return false;
    }
    last_push_ = text.text.size();
    if (sent(client_->write_shared(text))) return true;
    server_.over(*this);
    return false;
}

void PlainExchange::end_stream() {
    if (sent(client_->end_reply())) {
        phase_ = Phase::over;
        client_->finish(false);
    }
    server_.over(*this);
}

void PlainExchange::abandon() {
    if (phase_ == Phase::over) return;
    phase_ = Phase::over;
    client_->abort(http::Abort::reset);
}

}  // namespace otto::admin
