#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "accept/listener.h"
#include "admin/plain_exchange.h"
#include "admin/plain_message.h"
#include "base/handle.h"
#include "base/result.h"
#include "event/deferred.h"
#include "event/loop.h"
#include "event/stretches.h"

namespace otto::admin {

/// A small HTTP server for the control thread: whole requests, whole replies, and streams. It reads
/// with the same strictness as a worker does, by the same listeners, within limits of its own,
/// and apart for UNIX sockets and TCP, so that neither can lock the other out. Of the loop's
/// thread. Destroying it closes all connections.
///
/// What one side may hold: 512 connections, or a 16th of the limit on files if that is less; at the
/// limit the oldest that waits for a request makes room, or else the oldest that still sends a
/// body. Bodies of 1 MiB, which have 20 s to arrive; heads of 16 KiB, which have 10 s. 32 MiB of
/// shared bodies that clients do not read (make_room_for()), and 128 KiB per connection in the
/// kernel. 256 streams, 192 of them over TCP; a stream whose reader lets 256 KiB wait is dropped
/// when there is more to say. Streams and requests that are held take at most three quarters of the
/// connections.
///
/// Requests that have arrived are begun in stretches (event/stretches.h), in the order of their
/// arrival, and a connection's next request is read when the reply to the one before has gone out:
/// no crowd of clients keeps the loop from its other work.
class PlainServer {
  public:
    /// They may call the server, but not destroy it.
    struct Callbacks {
        /// A request's head is there, its body is not. A reply refuses it. Must give one when
        /// `refused` is set.
        std::function<std::optional<PlainReply>(const PlainRequest&)> on_head;
        /// A request is complete, and is valid during the call. It has a ticket, by which reply()
        /// or begin_stream() answers it: at once or later.
        std::function<void(const PlainRequest&, std::uint64_t ticket)> on_request;
        /// The client of a request that has no answer yet, or of a stream, has gone. Not called for
        /// what reply(), push() and end_stream() end.
        std::function<void(std::uint64_t ticket)> on_gone;
        /// One side accepts no connections for a moment, because something has run out.
        std::function<void(const char* reason)> on_paused;
        /// A connection was closed to make room: for another, or for the bodies that clients do not
        /// read. May be empty.
        std::function<void()> on_evicted = {};
    };

    static Result<std::unique_ptr<PlainServer>> open(const Loop& loop, Callbacks callbacks);
    ~PlainServer();
    PlainServer(const PlainServer&) = delete;
    PlainServer& operator=(const PlainServer&) = delete;

    /// Accepts connections on a listening, non-blocking socket.
    Status listen(UniqueFd socket);

    /// Answers a request. A client that has gone meanwhile is no error.
    void reply(std::uint64_t ticket, const PlainReply& reply);
    /// Before a shared body of about `size` bytes is made for this request: when that and the
    /// shared bodies that clients of its side have not read exceed the limit, the oldest
    /// connections that do not read theirs are ended.
    void make_room_for(std::uint64_t ticket, std::size_t size);

    /// Whether a request of this side, which has come already, may be held for long; then there are
    /// connections left for others.
    bool may_hold(bool local) const;
    /// The same for this request and a stream.
    bool may_stream(std::uint64_t ticket) const;
    /// Begins a reply without an end; its body is ignored. False when the client has gone.
    bool begin_stream(std::uint64_t ticket, const PlainReply& reply);
    /// Adds to it. False when it is over: the client has gone, or does not read.
    bool push(std::uint64_t ticket, const http::SharedText& text);
    void end_stream(std::uint64_t ticket);

  private:
    friend class PlainExchange;

    /// Those of UNIX sockets, or those of TCP.
    struct Side {
        Side() : share(1) {}
        accept::ConnectionShare share;
        std::unique_ptr<accept::Listener> listener;
        struct Body {
            std::weak_ptr<const void> owner;
            std::size_t size;
        };
        std::vector<Body> bodies;  // shared ones that may not have been read yet

        void note(const http::SharedText& body);
        std::size_t unread();
    };

    PlainServer(const Loop& loop, Callbacks callbacks);
    Status open_side(bool local);
    Side& side(bool local) { return local ? local_ : tcp_; }
    void request_arrived(http::ClientStream& client, bool local);
    bool begin_next();
    bool make_room(bool local);
    PlainExchange* find(std::uint64_t ticket) const;
    void gone(PlainExchange& exchange);
    void over(PlainExchange& exchange);

    const Loop& loop_;
    Callbacks callbacks_;
    std::uint64_t last_ticket_ = 0;
    std::map<std::uint64_t, std::unique_ptr<PlainExchange>> open_;  // the oldest first
    std::vector<std::unique_ptr<PlainExchange>> over_;
    Deferred sweep_;                     // empties over_
    std::deque<std::uint64_t> arrived_;  // tickets, to be begun
    Stretches stretches_;                // in which they are
    Side local_;
    Side tcp_;
};

}  // namespace otto::admin
