#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/address.h"
#include "http/message.h"
#include "http/reply_sink.h"

namespace otto::http {

/// What an exchange hears of its client. All calls come from the worker's loop, never from within a
/// call to the ClientStream.
class ClientObserver {
  public:
    /// More of the request's body is there to be taken.
    virtual void on_client_body() = 0;
    /// Everything that was queued has gone out.
    virtual void on_client_drained() = 0;
    /// With `halfClose` "answer", or after allow_half_close(): the client will send no more, and
    /// may still read.
    virtual void on_client_end() {}
    /// The client went away. The stream must not be used any more once this returns.
    virtual void on_client_gone() = 0;

  protected:
    ~ClientObserver() = default;
};

/// What belongs to a client's connection and ends with it.
class Attachment {
  public:
    virtual ~Attachment() = default;
};

/// How far a request's body has come.
enum class BodyState : std::uint8_t { open, complete, malformed };

/// How a connection ends before its time.
enum class Abort : std::uint8_t {
    close,
    cut,    // by a reset where the client would take the reply for complete otherwise
    reset,  // so that the client cannot take what it got for complete
};

/// One request and the way to answer it, whatever protocol the client speaks. Owned by the
/// connection of that protocol; of its thread.
class ClientStream : public ReplySink {
  public:
    virtual const RequestHead& request() const = 0;
    /// When set, the request must not be forwarded but answered with this status.
    virtual const Refusal& refusal() const = 0;
    virtual const Address& peer() const = 0;
    virtual std::string_view peer_ip() const = 0;
    /// Who is at the other end of a UNIX socket: "process 4711 of user 1000"; "" of others.
    virtual std::string peer_process() const { return {}; }
    /// The user of that process; nothing when it has no number in Otto's user namespace.
    virtual std::optional<uid_t> peer_user() const { return {}; }
    virtual std::string_view scheme() const = 0;

    /// Where something can be kept until the connection ends. Null: not with this client.
    virtual std::unique_ptr<Attachment>* attachment() { return nullptr; }

    /// Who hears of the client from now on.
    virtual void observe(ClientObserver& observer) = 0;

    /// The payload of the request's body that has arrived: the first contiguous run of it, without
    /// framing. Empty, and body_state() says why: more is to come, that was all, or it is broken.
    virtual std::string_view body() = 0;
    virtual void consume_body(std::size_t length) = 0;
    /// As of the last call of body().
    virtual BodyState body_state() const = 0;
    /// When malformed: why.
    virtual const char* body_error() const { return ""; }
    /// When complete: the trailer fields that may be passed on.
    virtual std::span<const Field> trailers() const { return {}; }
    /// Before body() is called: whether `most` bytes of the body have arrived, or all of it.
    virtual bool body_arrived(Bytes most) = 0;

    /// How much of the body may be spliced: all that is left of it, when that is known and none of
    /// it has been read. 0: nothing.
    virtual Bytes spliceable() const { return 0; }
    /// Moves up to `length` bytes of the body from the connection into a pipe, as splice(2) does.
    /// From then on the body comes only this way, and on_client_body is called for as long as bytes
    /// wait and want_body(true) holds. ENOTSUP: not with this client.
    virtual ssize_t splice_body(int /*pipe*/, std::size_t /*length*/) {
        errno = ENOTSUP;
        return -1;
    }
    virtual void want_body(bool /*wanted*/) {}

    /// The client has sent all that it will, and is not gone.
    virtual bool ended() const { return false; }

    /// In the server's place (RFC 9110 §10.1.1). False when the connection is broken.
    [[nodiscard]] virtual bool send_continue() = 0;
    /// Switches protocols: the 101 goes out. From now on body() is whatever the client sends,
    /// write() whatever it is to get, and a client that has sent all that it will is not gone.
    /// False when the connection is broken.
    [[nodiscard]] virtual bool begin_tunnel(const ResponseHead& head,
                                            const ReplyOptions& options) = 0;

    /// The same as queued(), and what the kernel still holds where that can be known: shrinks as
    /// the client reads.
    virtual std::size_t unsent() const { return queued(); }

    /// Bytes that have come on the connection so far.
    virtual Bytes arrived() const { return 0; }
    /// Bytes that the client has taken so far: they have left the kernel.
    virtual Bytes delivered() const { return 0; }
    /// Some of the reply waits for the client to take it.
    virtual bool blocked() const { return queued() > 0; }
    /// The client is not read from for now.
    virtual bool paused() const { return false; }

    /// The reply is complete: the observer hears no more, and once the queue is empty the
    /// connection goes on with the next request, or is closed if the reply was its last.
    /// `body_left`: the request's body was not taken to its end, which also ends it.
    virtual void finish(bool body_left) = 0;
    /// Ends the connection now.
    virtual void abort(Abort how) = 0;

  protected:
    ~ClientStream() = default;
};

}  // namespace otto::http
