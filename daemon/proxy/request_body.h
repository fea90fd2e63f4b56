#pragma once

#include <span>
#include <string>
#include <utility>

#include "config/config.h"
#include "http/client_stream.h"
#include "http1/request_writer.h"

namespace otto {

/// A request's body on its way from the client: taken piece by piece, and written to the server. A
/// byte that was taken has one of three owners: until the server gets the first byte of the
/// request, all that was taken is held for replay, however much it is; from then on as long as it
/// fits into `per_request_buffer`; what does not was sent, or is lost with its attempt, and nothing
/// is replayable any more. Part of an exchange.
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

    /// An attempt begins: no server has a byte of it yet. Writes what was taken so far. Only when
    /// replayable().
    void begin_attempt(http1::RequestWriter& out);
    /// The server may have a byte of the request.
    void note_sent() { sent_ = true; }

    State state() const { return state_; }
    /// Moves what has arrived to `out`, until that holds `per_request_buffer` bytes or more (by one
    /// piece of that size at most).
    State take(http1::RequestWriter& out);
    /// How much of it may be spliced from the client to the server as it is, 0 when its bytes must
    /// be looked at or held, or are here already. So many were spliced() then.
    Bytes spliceable() const;
    void spliced(Bytes length);
    /// Takes and forgets what has arrived.
    State discard();
    /// The client has sent all that it will, and that is less than the whole.
    bool cut_short() const;

    /// Nothing of it has been taken, or all that was is held: another attempt may begin.
    bool replayable() const { return replayable_; }
    /// When replayable: what was taken so far.
    std::string_view taken() const { return held_; }
    /// Bytes of the body that have been taken so far.
    Bytes received() const { return received_; }
    /// Why it is malformed.
    const char* reason() const { return client_->body_error(); }

  private:
    bool count(std::size_t length);
    void note_end();
    std::span<const http::Field> trailers() const;
    void hold(std::string_view taken);

    http::ClientStream* client_ = nullptr;
    State state_ = State::complete;
    Bytes received_ = 0;
    Bytes limit_ = 0;  // 0: none
    Bytes buffer_ = 0;
    bool forward_trailers_ = false;
    bool sent_ = false;
    bool replayable_ = true;
    std::string held_;  // for replay
};

}  // namespace otto
