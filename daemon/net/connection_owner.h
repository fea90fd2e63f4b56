#pragma once

#include <cstdint>

#include "base/address.h"
#include "event/timer.h"
#include "net/byte_stream.h"

namespace otto::net {

/// What a client's connection waits for while it may be closed to make room for another.
enum class Waiting : std::uint8_t {
    first_byte,  // of its first request
    rest,        // of a request's head; or the end, after a reply that ends the connection
    next,        // for another request
    client,      // to take the end of a reply
    none,        // it may not be closed
};

/// A client's connection below its protocol. It passes from one stage of the connection to the
/// next, so that no stage makes an event of its own. The owner of the connection owns it, and calls
/// the current stage when the timer fires; the stage observes the stream.
struct ClientLink {
    ByteStream stream;
    Timer timer;
    Address peer;  // the client's, which a proxy may have named; none for a UNIX socket
};

/// What a connection of any protocol asks of its owner, which has accepted it. Worker's thread.
class ConnectionOwner {
  public:
    /// The connection starts to wait for its client, or stops.
    virtual void waits(Waiting waiting) = 0;
    /// What the owner knows it to wait for. It becomes Waiting::none without a call of waits() when
    /// bytes of the client are found in the kernel: the connection repeats the call if these bytes
    /// do not begin a request.
    virtual Waiting waiting() const = 0;
    /// Before the first request of the connection begins.
    virtual void begin_first_request() = 0;
    /// The thread drains, and no request has begun: ends the connection, now or a little later.
    virtual void end_unused() = 0;
    /// The connection has ended, and has let go of all that it has. It is destroyed once its
    /// callbacks have returned; the descriptor is closed then.
    virtual void over() = 0;

  protected:
    ~ConnectionOwner() = default;
};

}  // namespace otto::net
