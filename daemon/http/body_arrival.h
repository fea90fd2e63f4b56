#pragma once

#include <string_view>

#include "http/chunked.h"
#include "http/message.h"

namespace otto::http {

/// Says when enough of a request's body has arrived to ask for a server's place, without taking any
/// of it. Each byte is looked at once. Part of an exchange.
class BodyArrival {
  public:
    /// Enough is `most` bytes, or the whole body when that is less.
    void begin(const RequestHead& head, Bytes most);
    /// `bytes` are what has arrived and was not taken, from the first byte of the body on.
    bool is_enough(std::string_view bytes);

  private:
    bool enough_ = true;
    Framing framing_ = Framing::none;
    Bytes wanted_ = 0;
    std::size_t seen_ = 0;  // by the reader
    ChunkedReader chunked_;
};

}  // namespace otto::http
