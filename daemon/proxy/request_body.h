#pragma once

#include <string>
#include <utility>

#include "config/config.h"
#include "http/chunked.h"
#include "http/client_stream.h"

namespace otto {

/// A request's body on its way from the client: taken piece by piece, checked, and framed again for
/// the server. A byte that was taken has one of three owners: until the server gets the first byte
/// of the request, all that was taken is held for replay, however much it is; from then on as long
/// as it fits into `per_request_buffer`; what does not was sent, or is lost with its attempt, and
/// nothing is replayable any more. Part of an exchange.
class RequestBody {
  public:
    enum class State : std::uint8_t { open, complete, too_large, malformed };

    /// For the next request of an exchange. Without `forward_trailers` a trailer section is
    /// checked, and goes no further.
    void begin(http::ClientStream& client, const LimitsConfig& limits,
               bool forward_trailers = true);

    /// Memory to hold the body in, and its return.
    void lend(std::string buffer) { held_ = std::move(buffer); }
    std::string give_back() { return std::exchange(held_, {}); }

    /// An attempt begins: no server has a byte of it yet. Only when replayable().
    void begin_attempt() { sent_ = false; }
    /// The server may have a byte of the request.
    void note_sent() { sent_ = true; }

    State state() const { return state_; }
    /// Moves what has arrived to the end of `out`, until that holds `per_request_buffer` bytes or
    /// more (by one chunk of that size at most).
    State take(std::string& out);
    /// How much of it may be spliced from the client to the server as it is, 0 when its bytes must
    /// be looked at or held, or are here already. spliced() says how much of that is left.
    Bytes spliceable() const;
    void spliced(Bytes left);
    /// Takes and forgets what has arrived.
    State discard();

    /// Nothing of it has been taken, or all that was is held: another attempt may begin.
    bool replayable() const { return replayable_; }
    /// When replayable: what was taken so far, as it was appended.
    std::string_view taken() const { return held_; }
    /// Bytes of the body that have come so far, without their framing.
    Bytes received() const { return framing_ == http::Framing::length ? length_ - left_ : size_; }
    /// Why it is malformed.
    const char* reason() const { return chunked_.reason(); }

  private:
    bool take_length(std::string& out, std::string_view bytes);
    bool take_chunked(std::string& out, std::string_view bytes);
    void hold(std::string_view taken);

    http::ClientStream* client_ = nullptr;
    State state_ = State::complete;
    http::Framing framing_ = http::Framing::none;
    Bytes length_ = 0;  // framing length
    Bytes left_ = 0;    // of it
    Bytes size_ = 0;    // framing chunked: so far
    Bytes limit_ = 0;   // 0: none
    Bytes buffer_ = 0;
    http::ChunkedReader chunked_;
    bool forward_trailers_ = false;
    bool sent_ = false;
    bool replayable_ = true;
    std::string held_;  // for replay
};

}  // namespace otto
