// How the messages of an exchange look on the connection: bodies in and replies out.

#include <sys/socket.h>

#include "http1/client_connection.h"
#include "http1/framed_piece.h"
#include "http1/local_head.h"

namespace otto::http1 {

using namespace http;

// ---- the request -------------------------------------------------------------------------------

bool ClientConnection::may_keep_alive() const {
    return received_->head.keep_alive && !received_->refusal && context_.keep_alive;
}

std::string_view ClientConnection::body() {
    RequestBodyReader& reader = received_->body;
    if (const std::size_t framing = reader.skip(rest()); framing > 0) {
        received_->take(framing);
        adjust_reading();
    }
    return reader.run(rest());
}

void ClientConnection::consume_body(std::size_t length) {
    received_->body.take(length);
    received_->take(length);
    adjust_reading();
}

bool ClientConnection::body_arrived(Bytes most) {
    return received_->body.has_arrived(rest(), most);
}

Bytes ClientConnection::spliceable() const {
    return rest().empty() ? received_->body.left() : 0;
}

// ---- the reply ---------------------------------------------------------------------------------

/// In the head's place, which is made in one buffer for all connections.
ReplyFraming ClientConnection::begin_reply(Framing as_sent, const ReplyOptions& options) {
    as_sent_ = as_sent;
    keep_alive_ = may_keep_alive() && !options.last && as_sent != Framing::until_close;
    head_held_ = true;
    context_.reply_head.clear();
    return {.framing = as_sent,
            .keep_alive = keep_alive_,
            .client_is_http10 = client_is_http10(),
            .via = options.via,
            .set_cookie = options.set_cookie};
}

void ClientConnection::begin_reply(const ResponseHead& head, const ReplyOptions& options) {
    const Framing as_sent = reply_framing(head, client_is_http10());
    append_response_head(context_.reply_head, head, begin_reply(as_sent, options), options.date);
}

void ClientConnection::begin_reply(const LocalHead& head, const ReplyOptions& options) {
    Framing as_sent = client_is_http10() ? Framing::until_close : Framing::chunked;
    if (head.length) as_sent = Framing::length;
    if (request().method == Method::head || !has_length(head.status)) as_sent = Framing::none;
    append_local_head(context_.reply_head, head, begin_reply(as_sent, options), options.date);
}

/// Sends the head if it is held, and a piece of the body behind it.
bool ClientConnection::put(std::string_view payload, bool last, std::span<const Field> trailers,
                           int flags, const std::shared_ptr<const void>* owner) {
    const std::string_view head = head_held_ ? std::string_view(context_.reply_head) : "";
    head_held_ = false;
    FramedPiece piece(head, as_sent_, payload, last, trailers);
    if (piece.pieces().empty()) return true;
    return send(piece.pieces(), flags, piece.payload(), owner);
}

bool ClientConnection::write(std::string_view payload, More more) {
    return put(payload, false, {}, more == More::splice ? MSG_MORE : 0);
}

bool ClientConnection::write_shared(const SharedText& payload) {
    return put(payload.text, false, {}, 0, &payload.owner);
}

bool ClientConnection::end_reply(std::string_view payload, std::span<const Field> trailers) {
    return put(payload, true, trailers);
}

/// What is in ConnectionContext::reply_head, at once and by itself.
bool ClientConnection::send_head() {
    iovec piece{context_.reply_head.data(), context_.reply_head.size()};
    return send({&piece, 1});
}

bool ClientConnection::interim(const ResponseHead& head) {
    if (client_is_http10()) return true;  // RFC 9110 §15.2
    context_.reply_head.clear();
    append_interim_head(context_.reply_head, head);
    return send_head();
}

bool ClientConnection::send_continue() {
    context_.reply_head = "HTTP/1.1 100 Continue\r\n\r\n";
    return send_head();
}

bool ClientConnection::begin_tunnel(const ResponseHead& head, const ReplyOptions& options) {
    context_.reply_head.clear();
    append_response_head(context_.reply_head, head,
                         {.via = options.via, .set_cookie = options.set_cookie}, options.date);
    as_sent_ = Framing::until_close;
    keep_alive_ = false;
    received_->body.begin_tunnel();
    allow_half_close();
    return send_head();
}

}  // namespace otto::http1
