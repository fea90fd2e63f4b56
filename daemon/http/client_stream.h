#pragma once

#include <cerrno>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>
#include <sys/uio.h>

#include "base/address.h"
#include "http/message.h"
#include "http/parse_request.h"

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

/// One request and the way to answer it, whatever protocol the client speaks. Belongs to the front
/// and to one worker's thread.
class ClientStream {
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
    /// Whether the connection can go on after this request, as the client wishes and the front
    /// allows.
    virtual bool may_keep_alive() const = 0;

    /// Where something can be kept until the connection ends. Null: not with this client.
    virtual std::unique_ptr<Attachment>* attachment() { return nullptr; }

    /// Who hears of the client from now on.
    virtual void observe(ClientObserver& observer) = 0;

    /// Bytes of the body, framing included, that have arrived: the first contiguous run of them.
    /// Pipelined requests may follow the body.
    virtual std::string_view body() = 0;
    virtual void consume_body(std::size_t length) = 0;

    /// When body() is empty: moves up to `length` bytes of the body from the connection into a
    /// pipe, as splice(2) does. From then on the body comes only this way, and on_client_body is
    /// called for as long as bytes wait and want_body(true) holds. ENOTSUP: not with this client.
    virtual ssize_t splice_body(int /*pipe*/, std::size_t /*length*/) {
        errno = ENOTSUP;
        return -1;
    }
    virtual void want_body(bool /*wanted*/) {}
    /// The last byte of the body has been spliced.
    virtual void end_body() {}

    /// From now on, until finish(), a client that has sent all that it will is not gone.
    virtual void allow_half_close() {}
    /// The client has sent all that it will, and is not gone.
    virtual bool ended() const { return false; }

    /// Sends at once what the connection takes and queues the rest. False when the connection is
    /// broken: abort() then.
    [[nodiscard]] virtual bool send(std::span<iovec> pieces) = 0;
    /// The same, but what is queued of `pieces[shared]`, which `owner` keeps alive (null: it lives
    /// as long as the program), is not copied.
    [[nodiscard]] virtual bool send_shared(std::span<iovec> pieces, std::size_t /*shared*/,
                                           const std::shared_ptr<const void>& /*owner*/) {
        return send(pieces);
    }
    /// The same as send() for bytes that splice_reply() will follow at once: the kernel may hold
    /// them until then, or until push().
    [[nodiscard]] virtual bool send_more(std::span<iovec> pieces) { return send(pieces); }
    virtual void push() {}
    /// When nothing is queued: moves up to `length` bytes from a pipe to the client, as splice(2)
    /// does; on_client_drained is called once it takes bytes again after EAGAIN. ENOTSUP: not with
    /// this client.
    virtual ssize_t splice_reply(int /*pipe*/, std::size_t /*length*/) {
        errno = ENOTSUP;
        return -1;
    }
    /// Bytes that were queued and have not gone out.
    virtual std::size_t queued() const = 0;
    /// The same, and what the kernel still holds where that can be known: shrinks as the client
    /// reads.
    virtual std::size_t unsent() const { return queued(); }

    /// Bytes that have come on the connection so far.
    virtual Bytes arrived() const { return 0; }
    /// Bytes that the client has taken so far: they have left the kernel.
    virtual Bytes delivered() const { return 0; }
    /// Some of the reply waits for the client to take it.
    virtual bool blocked() const { return queued() > 0; }
    /// The client is not read from for now.
    virtual bool paused() const { return false; }

    /// The reply is complete: the observer hears no more, and the connection goes on with the next
    /// request once the queue is empty, or is closed when `keep_alive` is false. `body_left`: the
    /// request's body was not taken to its end.
    virtual void finish(bool keep_alive, bool body_left) = 0;
    /// Ends the connection now; with `reset`, so that the client cannot take what it got for
    /// complete.
    virtual void abort(bool reset) = 0;

  protected:
    ~ClientStream() = default;
};

}  // namespace otto::http
