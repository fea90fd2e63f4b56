#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "http/forwarding.h"
#include "http/message.h"

namespace otto::http1 {

/// A request as it goes to a server on an HTTP/1 connection, as far as the kernel has not taken it:
/// its head, then its body, framed again. Touches no socket. Belongs to an attempt.
class RequestWriter {
  public:
    /// `buffer` is memory to write to, which release() gives back.
    explicit RequestWriter(std::string buffer) : out_(std::move(buffer)) {}
    std::string release() { return std::move(out_); }

    void begin(const http::RequestHead& request, const http::ForwardingContext& context);
    /// A piece of the body.
    void add(std::string_view payload);
    /// The body is complete.
    void end(std::span<const http::Field> trailers);

    /// What is to be sent, and how much of it went out.
    std::string_view unsent() const { return std::string_view(out_).substr(sent_); }
    void sent(std::size_t length);
    bool empty() const { return out_.empty(); }
    /// Bytes in memory.
    std::size_t size() const { return out_.size(); }
    void clear();

  private:
    std::string out_;
    std::size_t sent_ = 0;
    bool chunked_ = false;
};

}  // namespace otto::http1
