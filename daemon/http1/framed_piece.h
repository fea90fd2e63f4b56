#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <sys/uio.h>

#include "http/message.h"
#include "http1/chunked.h"

namespace otto::http1 {

/// A piece of a message's payload as it goes out on an HTTP/1 connection, which is framed as
/// `framing` says: a chunk is put around it, and at the end of a chunked body its trailer section
/// follows. Holds during one call; `head` and `payload` must last as long.
class FramedPiece {
  public:
    /// `head`: what goes before it, "" if nothing does. `last`: the body ends here.
    FramedPiece(std::string_view head, http::Framing framing, std::string_view payload,
                bool last = false, std::span<const http::Field> trailers = {});
    FramedPiece(const FramedPiece&) = delete;
    FramedPiece& operator=(const FramedPiece&) = delete;

    /// At most four, none of them empty.
    std::span<iovec> pieces() { return {pieces_.data(), count_}; }
    /// Which of them is the payload; when there is none, a number that none of them has.
    std::size_t payload() const { return payload_; }

  private:
    void add(std::string_view piece);

    ChunkHeader size_line_;
    std::string end_;
    std::array<iovec, 4> pieces_;
    std::size_t count_ = 0;
    std::size_t payload_ = 4;
};

}  // namespace otto::http1
