// Responses on their way through ReplyBody: however they arrive, the client gets the payload that
// the server sent, and a cut-off or malformed body never looks complete to it.

#include "proxy/reply_body.h"

#include <string>

#include "fuzzing.h"
#include "http/parse_response.h"
#include "simple_chunks.h"

namespace {

using namespace otto;
using fuzz::Draw;
using fuzz::SimpleChunks;
using fuzz::SimpleChunksReader;
using http::Framing;

struct Passage {
    ReplyBody::State state = ReplyBody::State::open;
    std::string sent;  // to the client
    bool surplus = false;
};

void append(std::string& out, std::span<iovec> pieces) {
    OTTO_HOLDS(pieces.size() <= 3);
    for (const iovec& piece : pieces) {
        OTTO_HOLDS(piece.iov_len != 0);
        out.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    }
}

/// Passes `bytes` on, after which the server closes.
Passage pass(const http::ResponseHead& head, Framing as_sent, std::string_view bytes, Draw& draw) {
    ReplyBody body;
    body.begin(head, as_sent);
    Passage passage;
    while (!bytes.empty() && body.state() == ReplyBody::State::open) {
        const std::size_t size = draw.step(bytes.size());
        // Of exactly that size, and its own: relay() rearranges it.
        std::vector<char> block(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        bytes.remove_prefix(size);
        append(passage.sent, body.relay({block.data(), block.size()}));
    }
    std::string rest(bytes);
    append(passage.sent, body.relay({rest.data(), rest.size()}));
    append(passage.sent, body.end_of_input());
    passage.state = body.state();
    passage.surplus = body.surplus();
    if (passage.state == ReplyBody::State::malformed) OTTO_HOLDS(*body.reason() != '\0');
    return passage;
}

void check(const http::ResponseHead& head, Framing as_sent, std::string_view bytes, Draw& draw) {
    const Passage passage = pass(head, as_sent, bytes, draw);
    std::string payload;
    std::size_t length = 0;
    bool complete = false;
    bool malformed = false;
    switch (head.framing) {
        case Framing::none:
            complete = true;
            break;
        case Framing::length:
            payload = bytes.substr(0, head.content_length);
            length = payload.size();
            complete = length == head.content_length;
            break;
        case Framing::until_close:
            payload = bytes;
            length = bytes.size();
            complete = true;
            break;
        case Framing::chunked: {
            const SimpleChunks came = SimpleChunksReader::read(bytes, true);
            payload = came.payload;
            length = came.length;
            malformed = came.complete && fuzz::misleads(came.trailer);
            complete = came.complete && !malformed;
            break;
        }
    }
    OTTO_HOLDS((passage.state == ReplyBody::State::complete) == complete);
    if (malformed) OTTO_HOLDS(passage.state == ReplyBody::State::malformed);
    if (complete) OTTO_HOLDS(passage.surplus == (length < bytes.size()));
    // Payload that arrived together with what is malformed need not be passed on.
    if (as_sent != Framing::chunked) {
        OTTO_HOLDS(payload.starts_with(passage.sent));
        if (complete) OTTO_HOLDS(passage.sent == payload);
        return;
    }
    const SimpleChunks went = SimpleChunksReader::read(passage.sent);
    OTTO_HOLDS(went.complete == complete);
    OTTO_HOLDS(payload.starts_with(went.payload));
    if (!complete) return;
    OTTO_HOLDS(went.payload == payload && went.length == passage.sent.size());
    OTTO_HOLDS(!fuzz::misleads(went.trailer));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::Bytes input(data, size);
    Draw draw(input.view());
    for (const http::Method method : {http::Method::get, http::Method::head}) {
        http::ResponseHead head;
        const auto parse = http::parse_response_head(input.view(), method, head);
        if (parse.state != http::ParseState::complete) return 0;
        const std::string_view bytes = input.view().substr(parse.length);
        check(head, head.framing, bytes, draw);
        if (head.framing == Framing::chunked) check(head, Framing::until_close, bytes, draw);
        if (head.framing == Framing::until_close) check(head, Framing::chunked, bytes, draw);
    }
    return 0;
}
