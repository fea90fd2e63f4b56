// Request bodies on their way through RequestBody: however they arrive, and however fast the server
// takes them, it gets the payload that the client sent, framed in one plain way, and not a byte of
// the next request is touched.

#include "proxy/request_body.h"

#include <string>

#include "../fakes/client.h"
#include "fuzzing.h"
#include "http1/parse_request.h"
#include "simple_chunks.h"

namespace {

using namespace otto;
using fuzz::Draw;
using fuzz::SimpleChunks;
using fuzz::SimpleChunksReader;

/// A client whose bytes arrive in runs of memory that are drawn.
class DrawnClient final : public fakes::Client {
  public:
    DrawnClient(const http::RequestHead& request, std::string_view bytes, Draw& draw)
        : Client(request, bytes), draw_(draw) {}

    /// Lets more of the bytes arrive; false when all have.
    bool arrive_some() {
        if (all_arrived()) return false;
        arrive(draw_.step(64 * 1024));
        return true;
    }

    std::string_view body() override {
        for (;;) {
            const std::string_view there = input();
            if (run_.empty() && !there.empty())
                run_.assign(there.substr(0, draw_.step(there.size())));
            const std::size_t framing = reader_.skip(run_);
            consumed_ += framing;
            run_.erase(0, framing);
            const std::string_view found = reader_.run(run_);
            const bool more = reader_.state() == http::BodyState::open && !input().empty();
            if (!found.empty() || !more) return found;
        }
    }
    void consume_body(std::size_t length) override {
        OTTO_HOLDS(length <= run_.size());
        Client::consume_body(length);
        run_.erase(0, length);
    }

  private:
    Draw& draw_;
    std::string run_;
};

struct Passage {
    RequestBody::State state = RequestBody::State::open;
    std::string sent;  // to the server
    std::size_t consumed = 0;
};

/// Passes `bytes` on; a server that stalls leaves what was taken in the buffer.
Passage pass(const http::RequestHead& head, std::string_view bytes, const LimitsConfig& limits,
             Draw& draw) {
    DrawnClient client(head, bytes, draw);
    RequestBody body;
    body.begin(client, limits);
    Passage passage;
    http1::RequestWriter buffer({});
    buffer.begin(head, {});
    buffer.sent(buffer.size());
    body.begin_attempt(buffer);
    while (body.state() == RequestBody::State::open) {
        const std::size_t before = client.consumed();
        body.take(buffer);
        // A piece of payload may pass the limit by itself, with its framing, once.
        OTTO_HOLDS(buffer.size() <= limits.per_request_buffer + bytes.size() + 8192);
        const bool untouched = passage.sent.empty();
        OTTO_HOLDS(body.replayable() || !untouched);
        if (body.replayable() && head.framing == http::Framing::length)
            OTTO_HOLDS(body.taken() == passage.sent + std::string(buffer.unsent()));

        const bool moved = client.consumed() != before;
        const bool flush = !buffer.empty() && (!moved || draw.below(2) == 0);
        if (flush) {
            passage.sent += buffer.unsent();
            buffer.clear();
            body.note_sent();
        }
        const bool stuck = !moved && !flush;
        if ((stuck || draw.below(2) == 0) && !client.arrive_some() && stuck) break;
    }
    passage.sent += buffer.unsent();
    passage.state = body.state();
    passage.consumed = client.consumed();
    if (passage.state == RequestBody::State::malformed) OTTO_HOLDS(*body.reason() != '\0');
    return passage;
}

void check_length(const Passage& passage, std::string_view bytes, Bytes length, Bytes limit) {
    if (limit != 0 && length > limit) {
        OTTO_HOLDS(passage.state == RequestBody::State::too_large && passage.sent.empty());
        return;
    }
    OTTO_HOLDS(passage.sent == bytes.substr(0, length));
    OTTO_HOLDS(passage.consumed == passage.sent.size());
    OTTO_HOLDS((passage.state == RequestBody::State::complete) == (bytes.size() >= length));
    OTTO_HOLDS(passage.state != RequestBody::State::malformed);
}

void check_chunked(const Passage& passage, std::string_view bytes, Bytes limit) {
    const SimpleChunks came = SimpleChunksReader::read(bytes);
    const SimpleChunks went = SimpleChunksReader::read(passage.sent);
    OTTO_HOLDS(came.payload.starts_with(went.payload));
    const bool too_large = limit != 0 && came.payload.size() > limit;
    if (too_large) {
        OTTO_HOLDS(passage.state == RequestBody::State::too_large);
        OTTO_HOLDS(!went.complete && went.payload.size() <= limit);
        return;
    }
    OTTO_HOLDS(went.payload == came.payload);
    const bool complete = came.complete && !fuzz::misleads(came.trailer);
    OTTO_HOLDS((passage.state == RequestBody::State::complete) == complete);
    // What is cut off or malformed never looks complete to the server.
    OTTO_HOLDS(went.complete == complete);
    if (!complete) return;
    OTTO_HOLDS(passage.consumed == came.length);
    OTTO_HOLDS(went.length == passage.sent.size());
    OTTO_HOLDS(!fuzz::misleads(went.trailer) && went.trailer.size() <= came.trailer.size());
    OTTO_HOLDS(passage.sent.find(';') == std::string::npos ||
               (went.payload + went.trailer).find(';') != std::string::npos);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::Bytes input(data, size);
    Draw draw(input.view());
    const auto scan = http1::scan_request_head(input.view(), 0, {});
    if (scan.refusal || scan.length == 0) return 0;
    http::RequestHead head;
    if (http1::parse_request_head(input.view().substr(scan.skip, scan.length), {}, head)) return 0;

    const fuzz::Bytes body(input.view().substr(scan.skip + scan.length));
    LimitsConfig limits;
    limits.per_request_buffer = draw.below(2) == 0 ? 16 * 1024 : 1 + draw.below(64);
    limits.body_bytes = draw.below(2) == 0 ? 0 : 1 + draw.below(64);
    const Passage passage = pass(head, body.view(), limits, draw);
    switch (head.framing) {
        case http::Framing::none:
            OTTO_HOLDS(passage.state == RequestBody::State::complete);
            OTTO_HOLDS(passage.sent.empty() && passage.consumed == 0);
            break;
        case http::Framing::length:
            check_length(passage, body.view(), head.content_length, limits.body_bytes);
            break;
        case http::Framing::chunked:
            check_chunked(passage, body.view(), limits.body_bytes);
            break;
        case http::Framing::until_close:
            OTTO_NEVER("a request that ends with its connection");
            break;
    }
    return 0;
}
