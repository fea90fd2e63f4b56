#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "config/config.h"
#include "event/loop.h"
#include "event/spares.h"
#include "http/client_stream.h"
#include "http/message.h"
#include "http/pace.h"
#include "http1/parse_request.h"
#include "http1/request_body_reader.h"

namespace otto::http1 {

/// What a connection has received, and what it knows of its request: lent to it from the first byte
/// of a request to the end of its reply, so that idle connections, which are many, are small.
struct Received {
    /// How the client takes the end of a reply.
    struct Flush {
        Bytes delivered = 0;   // when the timer was set
        TimePoint taken_at{};  // when the client was last seen to take some of it
        http::Pace pace;
    };

    std::string head_bytes;
    http::RequestHead head;  // views of head_bytes
    http::Refusal refusal;
    RequestBodyReader body;
    std::string input;
    std::size_t taken = 0;  // of the input
    Flush flush;

    std::string_view rest() const { return std::string_view(input).substr(taken); }
    void take(std::size_t length) {
        taken += length;
        if (taken == input.size()) clear_input();
    }
    void add(std::string_view bytes) {
        if (taken > input.size() / 2) input.erase(0, std::exchange(taken, 0));
        input.append(bytes);
    }
    void clear_input() {
        input.clear();
        taken = 0;
    }
    /// What it holds on to.
    std::size_t bytes() const {
        return sizeof(Received) + head_bytes.capacity() + input.capacity() +
               head.fields.capacity() * sizeof(http::Field) + body.bytes();
    }
};

/// What the connections of one thread's clients share: settings, memory, and where their requests
/// go. Owned by what accepts them, which outlives them.
class ConnectionContext {
  public:
    /// `on_too_slow` may be empty.
    ConnectionContext(const Loop& loop, std::function<void(http::ClientStream&)> on_request,
                      std::function<void()> on_too_slow);
    ConnectionContext(const ConnectionContext&) = delete;
    ConnectionContext& operator=(const ConnectionContext&) = delete;

    /// For requests that begin from now on.
    void configure(const Config& config);

    std::unique_ptr<Received> lend();
    void give_back(std::unique_ptr<Received> received);

    const Loop& loop;
    const std::function<void(http::ClientStream&)> on_request;
    /// A connection is closed because its client took the end of a reply below
    /// `timeouts.minimumRate`.
    const std::function<void()> on_too_slow;
    TimeoutsConfig timeouts;
    http::RequestLimits request_limits;
    Bytes per_request_buffer = 0;
    bool answer_half_closed = false;
    bool keep_alive = true;     // connections may go on after a reply
    bool draining = false;      // those that wait for a request end
    std::vector<char> scratch;  // for reading
    std::string reply_head;     // of the reply that begins in this very call chain

  private:
    Spares<std::unique_ptr<Received>> spare_;
};

}  // namespace otto::http1
