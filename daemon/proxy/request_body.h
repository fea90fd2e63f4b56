#pragma once

#include <string>
#include <utility>

#include "config/config.h"
#include "http/chunked.h"
#include "http/client_stream.h"

namespace otto {

/// A request's body on its way from the client: taken piece by piece, checked, framed anew for the
/// server, and remembered as long as it is small, so that another server can be tried. Part of an
/// exchange.
class RequestBody {
  public:
    enum class State : std::uint8_t { open, complete, too_large, malformed };

    /// For the next request of an exchange.
    void begin(http::ClientStream& client, const LimitsConfig& limits);

    /// Memory to remember the body in, and its return.
    void lend(std::string buffer) { remembered_ = std::move(buffer); }
    std::string give_back() { return std::exchange(remembered_, {}); }

    State state() const { return state_; }
    /// Moves what has arrived to the end of `out`, until that holds `per_request_buffer` bytes or
    /// more.
    State take(std::string& out);
    /// How much of it may be spliced from the client to the server as it is, 0 when its bytes must
    /// be looked at, remembered, or are here already. spliced() says how much of that is left.
    Bytes spliceable() const;
    void spliced(Bytes left);
    /// Takes and forgets what has arrived.
    State discard();

    /// Nothing of it has been taken, or all that was is remembered.
    bool replayable() const { return remembered_all_; }
    /// What was taken so far, as it was appended.
    std::string_view taken() const { return remembered_; }
    /// Bytes of the body that have come so far, without their framing.
    Bytes received() const { return framing_ == http::Framing::length ? length_ - left_ : size_; }
    /// Why it is malformed.
    const char* reason() const { return chunked_.reason(); }

  private:
    bool take_length(std::string& out, std::string_view bytes);
    bool take_chunked(std::string& out, std::string_view bytes);

    http::ClientStream* client_ = nullptr;
    State state_ = State::complete;
    http::Framing framing_ = http::Framing::none;
    Bytes length_ = 0;  // framing length
    Bytes left_ = 0;    // of it
    Bytes size_ = 0;    // framing chunked: so far
    Bytes limit_ = 0;   // 0: none
    Bytes buffer_ = 0;
    http::ChunkedReader chunked_;
    bool remembered_all_ = true;
    std::string remembered_;
};

}  // namespace otto
