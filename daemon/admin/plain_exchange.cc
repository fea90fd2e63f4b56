#include "admin/plain_exchange.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "admin/plain_server.h"

namespace otto::admin {

namespace {

constexpr Bytes largest_body = 1024 * 1024;
/// For a whole body to come in.
constexpr Duration body_time = std::chrono::seconds(20);
/// What may wait for a stream's reader, besides what was added last, when there is more to add.
constexpr std::size_t most_unsent = 256 * 1024;

iovec piece(std::string_view text) {
    return {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
}

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
    if (framing_ == http::Framing::length && left_ > largest_body) {
        refuse(413, fmt::format("the body is larger than {} bytes", largest_body));
        return;
    }
    if (client_->request().expect_continue && client_->body().empty() &&
        !send("HTTP/1.1 100 Continue\r\n\r\n")) {
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
    http10_ = head.version_minor == 0;
    request_.method = head.method_text;
    const auto question = std::min(head.path.find('?'), head.path.size());
    request_.path = head.path.substr(0, question);
    request_.query = head.path.substr(std::min(question + 1, head.path.size()));
    for (const http::Field& field : head.fields)
        request_.fields.emplace_back(field.name, field.value);
    framing_ = head.framing;
    left_ = head.content_length;
    body_taken_ =
        framing_ == http::Framing::none || (framing_ == http::Framing::length && left_ == 0);
}

void PlainExchange::on_client_body() {
    if (phase_ == Phase::reading) read_body();
}

void PlainExchange::read_body() {
    while (!body_taken_) {
        const std::string_view bytes = client_->body();
        if (bytes.empty()) return;
        if (!(framing_ == http::Framing::length ? take_length(bytes) : take_chunked(bytes))) return;
    }
    patience_.cancel();
    phase_ = Phase::waiting;
    server_.callbacks_.on_request(request_, ticket_);
}

bool PlainExchange::take_length(std::string_view bytes) {
    const auto length = static_cast<std::size_t>(std::min<Bytes>(bytes.size(), left_));
    request_.body.append(bytes.substr(0, length));
    client_->consume_body(length);
    left_ -= length;
    body_taken_ = left_ == 0;
    return true;
}

/// One piece of it. False when it takes more input, or has been refused.
bool PlainExchange::take_chunked(std::string_view bytes) {
    const http::ChunkedReader::Piece found = chunked_.next(bytes);
    switch (found.kind) {
        case http::ChunkedReader::Kind::payload:
            if (request_.body.size() + found.length > largest_body) {
                refuse(413, fmt::format("the body is larger than {} bytes", largest_body));
                return false;
            }
            request_.body.append(bytes.substr(0, found.length));
            break;
        case http::ChunkedReader::Kind::framing:
            break;
        case http::ChunkedReader::Kind::end:
            body_taken_ = true;
            break;
        case http::ChunkedReader::Kind::need_more:
            return false;
        case http::ChunkedReader::Kind::malformed:
            refuse(400, chunked_.reason());
            return false;
    }
    client_->consume_body(found.length);
    return true;
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

std::string PlainExchange::connection_field(bool keep_alive) const {
    if (!keep_alive) return "Connection: close\r\n";
    return http10_ ? "Connection: keep-alive\r\n" : "";
}

/// False when the connection has been given up.
bool PlainExchange::send(std::string_view head, std::string_view body) {
    std::array<iovec, 2> pieces{piece(head), piece(body)};
    return sent(client_->send(pieces));
}

bool PlainExchange::send_shared(std::string_view head, const http::SharedText& body,
                                std::string_view tail) {
    std::array<iovec, 3> pieces{piece(head), piece(body.text), piece(tail)};
    return sent(client_->send_shared(pieces, 1, body.owner));
}

bool PlainExchange::sent(bool all) {
    if (!all) abandon();
    return all;
}

void PlainExchange::answer(const PlainReply& reply) {
    patience_.cancel();
    const bool keep_alive = client_->may_keep_alive() && body_taken_;
    std::string head = reply_head(reply);
    const std::string_view shared = reply.shared.text;
    const std::size_t length = shared.empty() ? reply.body.size() : shared.size();
    if (reply.status != 204 && reply.status != 304)
        head += fmt::format("Content-Length: {}\r\n", length);
    head += connection_field(keep_alive) + "\r\n";
    const bool whole = head_only()      ? send(head)
                       : shared.empty() ? send(head, reply.body)
                                        : send_shared(head, reply.shared);
    if (whole) {
        phase_ = Phase::over;
        client_->finish(keep_alive, !body_taken_);
    }
    server_.over(*this);
}

void PlainExchange::start_stream(const PlainReply& reply) {
    phase_ = Phase::streaming;
    chunked_reply_ = !http10_;
    std::string head = reply_head(reply);
    if (chunked_reply_) head += "Transfer-Encoding: chunked\r\n";
    head += "Connection: close\r\n\r\n";
    if (!send(head)) server_.over(*this);
}

bool PlainExchange::push(const http::SharedText& text) {
    if (client_->unsent() > most_unsent + last_push_) {
        abandon();
        server_.over(*this);
        return false;
    }
    last_push_ = text.text.size();
    const http::ChunkHeader header(last_push_);
    if (chunked_reply_ ? send_shared(header.text(), text, "\r\n") : send_shared({}, text))
        return true;
    server_.over(*this);
    return false;
}

void PlainExchange::end_stream() {
    if (chunked_reply_ ? send("0\r\n\r\n") : true) {
        phase_ = Phase::over;
        client_->finish(false, false);
    }
    server_.over(*this);
}

void PlainExchange::abandon() {
    if (phase_ == Phase::over) return;
    phase_ = Phase::over;
    client_->abort(true);
}

}  // namespace otto::admin
