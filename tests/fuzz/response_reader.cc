// Bodies of responses on their way through ResponseReader and FramedPiece: however they arrive, the
// client gets the payload that the server sent, and a cut-off or malformed body never looks
// complete to it.

#include "http1/response_reader.h"

#include <string>

#include "fuzzing.h"
#include "http1/framed_piece.h"
#include "http1/parse_response.h"
#include "simple_chunks.h"

namespace {

using namespace otto;
using fuzz::Draw;
using fuzz::SimpleChunks;
using fuzz::SimpleChunksReader;
using http::Framing;
using http1::ResponseReader;

struct Passage {
    ResponseReader::State state = ResponseReader::State::head;
    std::string sent;  // to the client
    bool surplus = false;
};

/// The pieces that go to the client for `payload`.
void append(std::string& out, Framing as_sent, std::string_view payload,
            const ResponseReader& reader) {
    const bool last = reader.state() == ResponseReader::State::complete;
    http1::FramedPiece piece("", as_sent, payload, last, reader.trailers());
    OTTO_HOLDS(piece.pieces().size() <= 3);
    for (const iovec& each : piece.pieces()) {
        OTTO_HOLDS(each.iov_len != 0);
        out.append(static_cast<const char*>(each.iov_base), each.iov_len);
    }
}

/// Passes `bytes`, a whole response, on, after which the server closes.
Passage pass(http::Method method, Framing as_sent, std::string_view bytes, Draw& draw) {
    ResponseReader body;
    body.begin(method, {});
    http::ResponseHead head;
    Passage passage;
    while (!bytes.empty() && (body.state() == ResponseReader::State::head ||
                              body.state() == ResponseReader::State::body)) {
        const std::size_t size = draw.step(bytes.size());
        // Of exactly that size, and its own: payload() rearranges it.
        std::vector<char> block(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        bytes.remove_prefix(size);
        body.feed({block.data(), block.size()});
        body.next_head(head);
        if (body.state() == ResponseReader::State::head) continue;
        append(passage.sent, as_sent, body.payload(), body);
    }
    std::string rest(bytes);
    const bool open = body.state() == ResponseReader::State::body;
    body.feed({rest.data(), rest.size()});
    OTTO_HOLDS(body.payload().empty());
    passage.surplus =
        body.state() == ResponseReader::State::complete && !body.reusable() && head.keep_alive;
    if (body.end_of_input() && open) append(passage.sent, as_sent, "", body);
    passage.state = body.state();
    if (passage.state == ResponseReader::State::malformed) OTTO_HOLDS(*body.reason() != '\0');
    return passage;
}

void check(http::Method method, const http::ResponseHead& head, Framing as_sent,
           std::string_view response, std::size_t head_length, Draw& draw) {
    const Passage passage = pass(method, as_sent, response, draw);
    const std::string_view bytes = response.substr(head_length);
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
    OTTO_HOLDS((passage.state == ResponseReader::State::complete) == complete);
    if (malformed) OTTO_HOLDS(passage.state == ResponseReader::State::malformed);
    if (complete && head.keep_alive) OTTO_HOLDS(passage.surplus == (length < bytes.size()));
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
        const auto parse = http1::parse_response_head(input.view(), method, head);
        if (parse.state != http1::ParseState::complete) return 0;
        if (head.status < 200) return 0;
        const auto as = [&](Framing framing) {
            check(method, head, framing, input.view(), parse.length, draw);
        };
        as(head.framing);
        if (head.framing == Framing::chunked) as(Framing::until_close);
        if (head.framing == Framing::until_close) as(Framing::chunked);
    }
    return 0;
}
