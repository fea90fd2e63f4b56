#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/message.h"
#include "http1/chunked.h"
#include "http1/parse_response.h"

namespace otto::http1 {

/// Reads the responses to one request from the bytes that a server sends on an HTTP/1 connection:
/// interim ones, then the final one, whose body it takes out of its framing. Touches no socket.
/// Belongs to an attempt; a plain value while nothing was fed.
///
/// For each block of bytes: feed(), next_head() until the final head is there, then payload().
class ResponseReader {
  public:
    enum class State : std::uint8_t { head, body, complete, malformed };

    /// For a request with `method`.
    void begin(http::Method method, const http::ResponseLimits& limits);

    State state() const { return state_; }
    /// When malformed: why, and which limit is exceeded if that is the reason.
    const char* reason() const { return reason_; }
    http::OverLimit over() const { return over_; }

    /// What came of the server. payload() rearranges it in place; it, and the heads that refer to
    /// it, are valid until the next call.
    void feed(std::span<char> bytes);
    /// Reads one head, an interim one or the last. False when there is none: the rest of it is
    /// still to come, or the response is malformed. Interim heads together may be as large as one.
    bool next_head(http::ResponseHead& head);
    /// After the final head: what of the fed bytes is payload, in one piece.
    std::string_view payload();
    /// After a 101: what of the fed bytes was not read, which is of the new protocol. It is valid
    /// as long as what was fed, and as `kept`, which outlives the reader.
    std::span<char> take_rest(std::string& kept);

    /// The server closed. True when the response is complete, perhaps by that.
    bool end_of_input();

    /// A part of a head has come.
    bool head_begun() const { return !partial_.empty(); }
    /// When complete: the trailer fields that may be passed on.
    std::span<const http::Field> trailers() const { return chunked_.trailers(); }
    /// How much of the body may be spliced as it is; spliced() says how much of that is left.
    Bytes spliceable() const {
        return state_ == State::body && framing_ == http::Framing::length ? left_ : 0;
    }
    void spliced(Bytes left);
    /// Bytes of the body that have come so far, without their framing.
    Bytes received() const { return received_; }
    /// The response is complete, nothing came after it, and the server keeps the connection.
    bool reusable() const { return state_ == State::complete && keep_alive_ && !surplus_; }

  private:
    void begin_body(const http::ResponseHead& head);
    std::string_view compact_chunks();
    void fail(const char* reason, http::OverLimit over);

    State state_ = State::head;
    http::Method method_ = http::Method::other;
    http::ResponseLimits limits_;
    std::span<char> rest_;  // of what was fed
    std::string partial_;   // what has come of a head that is not complete
    std::string held_;      // of a head that came in parts, and what was behind it
    ResponseHeadReader head_reader_;
    Bytes interim_bytes_ = 0;  // of heads
    http::Framing framing_ = http::Framing::none;
    Bytes left_ = 0;
    Bytes received_ = 0;
    bool keep_alive_ = false;
    bool surplus_ = false;  // bytes came after the end
    ChunkedReader chunked_{true};
    const char* reason_ = "";
    http::OverLimit over_ = http::OverLimit::none;
};

}  // namespace otto::http1
