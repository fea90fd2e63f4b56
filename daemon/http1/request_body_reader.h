#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "http/client_stream.h"
#include "http/message.h"
#include "http1/chunked.h"

namespace otto::http1 {

/// Finds the payload of a request's body among the bytes that an HTTP/1 connection has received,
/// and its end. `input` is always what has been received from the body's first byte on and was not
/// taken yet; other requests may follow the body. Part of a connection, between two requests of
/// which it may be used again.
class RequestBodyReader {
  public:
    void begin(const http::RequestHead& head);
    /// From now on whatever comes is payload.
    void begin_tunnel() {
        framing_ = http::Framing::until_close;
        state_ = http::BodyState::open;
    }

    http::BodyState state() const { return state_; }
    /// When malformed: why.
    const char* reason() const { return chunked_.reason(); }
    std::span<const http::Field> trailers() const {
        return framing_ == http::Framing::chunked ? chunked_.trailers()
                                                  : std::span<const http::Field>();
    }
    /// What it holds on to, besides itself.
    std::size_t bytes() const { return chunked_.bytes() + arrival_.bytes(); }

    /// The number of bytes of framing at the start of `input`, to be dropped before run().
    std::size_t skip(std::string_view input);
    /// After skip(): the payload at the start of `input`.
    std::string_view run(std::string_view input) const;
    /// So much of run() was taken.
    void take(std::size_t length);

    /// How much is left of a body that has a length.
    Bytes left() const {
        return state_ == http::BodyState::open && framing_ == http::Framing::length ? left_ : 0;
    }
    /// Before anything is taken: whether `most` bytes of the body have arrived, or all of it. Each
    /// byte is looked at once.
    bool has_arrived(std::string_view input, Bytes most);

  private:
    http::BodyState state_ = http::BodyState::complete;
    http::Framing framing_ = http::Framing::none;
    Bytes left_ = 0;        // of a body with a length, or of the current chunk's run
    bool arrived_ = true;   // has_arrived() has said so
    std::size_t seen_ = 0;  // by arrival_
    ChunkedReader chunked_;
    ChunkedReader arrival_;  // reads ahead of chunked_
};

}  // namespace otto::http1
