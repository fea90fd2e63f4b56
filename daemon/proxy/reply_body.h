#pragma once

#include <array>
#include <span>
#include <string_view>

#include <sys/uio.h>

#include "http/chunked.h"
#include "http/message.h"

namespace otto {

/// A response's body on its way to the client: finds its end, checks its framing, and gives the
/// pieces to send. Part of an attempt.
class ReplyBody {
  public:
    enum class State : std::uint8_t { open, complete, malformed };

    /// `as_sent` is how the client gets it: a chunked body may lose its framing (for HTTP/1.0) and
    /// a delimited-by-close one may be chunked.
    void begin(const http::ResponseHead& head, http::Framing as_sent,
               const http::ResponseLimits& limits = {});

    State state() const { return state_; }
    const char* reason() const {
        return over() == http::OverLimit::none ? chunked_.reason() : http::reason_of(over());
    }
    /// When malformed: the limit that its trailers exceed, if that is why.
    http::OverLimit over() const { return chunked_.over(); }

    /// What of the server's `bytes` (which are rearranged in place) goes to the client: at most 3
    /// pieces, valid until the next call or until `bytes` are overwritten.
    std::span<iovec> relay(std::span<char> bytes);
    /// How much of it may be spliced from the server to the client as it is; spliced() says how
    /// much of that is left.
    Bytes spliceable() const {
        return state_ == State::open && framing_ == http::Framing::length ? left_ : 0;
    }
    void spliced(Bytes left) {
        relayed_ += left_ - left;
        left_ = left;
        if (left == 0) state_ = State::complete;
    }
    /// The server closed: completes a body that ends so, whose last pieces are returned. Any other
    /// that is open stays open.
    std::span<iovec> end_of_input();
    /// Bytes of the body that have come so far, without their framing.
    Bytes relayed() const { return relayed_; }
    /// Bytes that came after the end: the server's connection cannot be used again.
    bool surplus() const { return surplus_; }

  private:
    std::string_view compact_chunks(std::span<char> bytes);
    std::span<iovec> frame(std::string_view payload, bool last);

    State state_ = State::complete;
    http::Framing framing_ = http::Framing::none;
    http::Framing as_sent_ = http::Framing::none;
    Bytes left_ = 0;
    Bytes relayed_ = 0;
    bool surplus_ = false;
    http::ChunkedReader chunked_{true};
    http::ChunkHeader header_{0};
    std::string tail_;
    std::array<iovec, 3> pieces_{};
};

}  // namespace otto
