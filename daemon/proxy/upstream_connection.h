#pragma once

#include <memory>
#include <span>

#include <sys/uio.h>

#include "balance/server_connections.h"
#include "base/address.h"
#include "base/handle.h"
#include "event/deferred.h"
#include "event/loop.h"

namespace otto {

class UpstreamConnection;

class UpstreamObserver {
  public:
    /// Something happened on the connection; the callback may destroy it.
    virtual void on_upstream(UpstreamConnection& connection, bool readable, bool writable) = 0;

  protected:
    ~UpstreamObserver() = default;
};

/// A connection to a server: a non-blocking socket with one edge-triggered event for all its life,
/// so that a request costs no epoll_ctl. Of one worker's thread.
class UpstreamConnection {
  public:
    /// Starts to connect. On success the connection is either up (`connected()`), or becomes
    /// writable when it is decided, and has taken `slot`.
    static Result<std::unique_ptr<UpstreamConnection>> connect(const Loop& loop,
                                                               const Address& address,
                                                               ServerConnections::Slot& slot);

    ~UpstreamConnection();
    UpstreamConnection(const UpstreamConnection&) = delete;
    UpstreamConnection& operator=(const UpstreamConnection&) = delete;

    void observe(UpstreamObserver* observer) {
        observer_ = observer;
        again_.cancel();
    }

    bool connected() const { return connected_; }
    /// After writability: 0 when the connection is up, else the errno why not (EINPROGRESS:
    /// undecided).
    int finish_connecting();

    /// As recv(2): -1 with errno, 0 at the end. EAGAIN without a system call when nothing can be
    /// there.
    ssize_t receive(char* buffer, std::size_t size);
    /// Moves bytes into a pipe, as splice(2).
    ssize_t splice_in(int pipe, std::size_t length);
    /// Moves bytes out of one, as splice(2).
    ssize_t splice_out(int pipe, std::size_t length);
    /// Asks the kernel whether neither bytes nor an end wait to be read.
    bool untouched();
    /// As sendmsg(2), without SIGPIPE.
    ssize_t send(std::span<iovec> pieces);

    /// Tells the server that no more will come.
    void end_sending();

    /// Bytes that the kernel holds and the server has not acknowledged.
    std::size_t unacknowledged() const;

    /// An edge came that receive() has not seen the end of.
    bool readable() const { return readable_; }
    /// Nothing more seems to be there to be read. After a short read that is so but for one case:
    /// an error that came together with the bytes. Whoever needs more must read on to EAGAIN.
    bool quiet() const { return !readable_ || (drained_ && !peer_closed_); }
    /// A new request begins on a quiet connection.
    void rest() { readable_ = !quiet(); }
    /// Calls the observer again in the next turn of the loop, as if it had become readable: the
    /// others come first.
    void read_on_later() { again_.schedule(); }

    /// A request has been answered on it before.
    bool reused() const { return reused_; }
    void mark_reused() { reused_ = true; }

    const ServerConnections::Slot& slot() const { return slot_; }
    /// For the next one: this connection failed to come up.
    ServerConnections::Slot take_slot() { return std::move(slot_); }

  private:
    UpstreamConnection(const Loop& loop, UniqueFd fd, bool connected, ServerConnections::Slot slot);
    static void fired(evutil_socket_t fd, short what, void* self);

    const Loop& loop_;
    ServerConnections::Slot slot_;
    UniqueFd fd_;
    bool connected_;
    bool readable_ = false;
    bool drained_ = false;  // by a short read
    bool peer_closed_ = false;
    bool reused_ = false;
    UpstreamObserver* observer_ = nullptr;
    Deferred again_;
    EventHandle event_;
};

}  // namespace otto
