#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "http/message.h"

namespace otto::http1 {

/// Reads the chunked coding (RFC 9112 §7.1) piece by piece, as bytes arrive, strictly: CRLF only, 1
/// to 16 hex digits without overflow of 63 bits, well-formed extensions (§7.1.1, but no obs-text;
/// ignored), lines of 8 KiB at most, trailer sections within limits (requests: 8 KiB), trailer
/// fields checked like header fields, of which none may say how long the message is or where it
/// goes (Content-Length, Transfer-Encoding, Host). Holds no body bytes, only the trailer section
/// while it arrives. White space is only accepted around an extension's ';' and '=', and of servers
/// after a size.
class ChunkedReader {
  public:
    /// `padded_sizes`: white space may stand between a size and its line end, as some servers pad
    /// them.
    explicit ChunkedReader(bool padded_sizes = false) : padded_sizes_(padded_sizes) {}

    enum class Kind : std::uint8_t {
        framing,    // `length` bytes of size lines and line ends: drop them
        payload,    // `length` bytes of the body
        end,        // `length` bytes (perhaps 0), after which the message is complete
        need_more,  // nothing more can be said without more input
        malformed,  // see reason()
    };
    struct Piece {
        Kind kind;
        std::size_t length;
    };

    /// Classifies the next bytes of `input`, which starts where the last piece ended. Pieces are as
    /// long as can be told. After `end` or `malformed`: no more calls.
    Piece next(std::string_view input);

    /// After `malformed`: why.
    const char* reason() const { return reason_; }
    /// After `malformed`: the limit that the trailer section exceeds, if that is why.
    http::OverLimit over() const { return over_; }
    /// After `end`: the trailer section's fields, without those that must not be passed on
    /// (RFC 9110 §6.5.1: framing, routing, authentication, hop-by-hop). They refer to the reader,
    /// which is not to be moved.
    std::span<const http::Field> trailers() const { return trailers_; }
    /// What it holds on to, besides itself.
    std::size_t bytes() const {
        return section_.capacity() + trailers_.capacity() * sizeof(http::Field);
    }
    /// To be used for another message.
    void reset();
    /// The same for a response, whose trailer section has these limits.
    void reset(const http::ResponseLimits& limits);

  private:
    enum class State : std::uint8_t {
        size,
        padding,  // white space after the size
        blank,    // white space before another extension's ';'
        extension,
        extension_name,
        extension_equals,  // white space before an extension's '='
        extension_value,
        extension_token,
        extension_quoted,
        extension_escape,
        extension_quoted_end,
        size_lf,
        payload,
        payload_cr,
        payload_lf,
        trailer,
        done,
    };

    bool take_size(char byte);
    bool take_extension(char byte);
    bool take_extension_start(char byte, State first);
    bool end_size_line(char byte, State on_blank);
    bool take(char byte);
    bool take_trailer(std::string_view input, std::size_t& taken);
    bool finish_trailer();
    bool fail(const char* reason);

    bool padded_sizes_;
    http::ResponseLimits trailer_limits_{8 * 1024, 8 * 1024};
    State state_ = State::size;
    std::uint64_t left_ = 0;  // of the chunk's size or payload
    unsigned digits_ = 0;
    Bytes line_ = 0;       // bytes of the current size line
    std::string section_;  // the trailer section as it came
    std::vector<http::Field> trailers_;
    const char* reason_ = "";
    http::OverLimit over_ = http::OverLimit::none;
};

/// The size line before a chunk of `size` bytes, which is followed by CRLF; "0\r\n" ends the body.
struct ChunkHeader {
    explicit ChunkHeader(Bytes size);
    std::string_view text() const { return {text_, length_}; }

  private:
    char text_[20];
    std::size_t length_;
};

}  // namespace otto::http1
