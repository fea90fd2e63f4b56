#pragma once

#include <cstddef>
#include <span>

#include <sys/types.h>
#include <sys/uio.h>

#include "base/handle.h"
#include "event/deferred.h"
#include "event/loop.h"

namespace otto::net {

/// What a stream notifies. It may be destroyed in the call.
class StreamObserver {
  public:
    /// Something happened; errors count as both readable and writable.
    virtual void on_stream(bool readable, bool writable) = 0;

  protected:
    ~StreamObserver() = default;
};

/// A non-blocking socket, connected or connecting, with one edge-triggered event for all its life,
/// so that a request costs no epoll_ctl. It is read and written here and nowhere else. Owned by one
/// side's connection; used on the loop's thread.
class ByteStream {
  public:
    ByteStream(const Loop& loop, UniqueFd fd);
    /// Closes the descriptor, a turn of the loop later.
    ~ByteStream();
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;

    /// Null: nothing is notified. What read_on_later() has promised is dropped.
    void observe(StreamObserver* observer) {
        observer_ = observer;
        again_.cancel();
    }

    /// After connect(2) and an edge: 0 when the connection is up, EINPROGRESS when that is
    /// undecided, else the errno why not.
    int connect_error() const;

    /// As recv(2): -1 with errno, 0 at the end. EAGAIN without a system call when nothing can be
    /// there.
    ssize_t receive(char* buffer, std::size_t size);
    /// As sendmsg(2), without SIGPIPE.
    ssize_t send(std::span<iovec> pieces);
    /// Moves bytes into a pipe, as splice(2).
    ssize_t splice_in(int pipe, std::size_t length);
    /// Moves bytes out of one, as splice(2).
    ssize_t splice_out(int pipe, std::size_t length);
    /// Tells the peer that no more will come.
    void end_sending();
    /// Ends the connection in both directions before the descriptor is closed.
    void shut_down();

    /// An edge came that receive() has not seen the end of.
    bool readable() const { return readable_; }
    /// Nothing more seems to be there to be read. After a short read that is so but for one case:
    /// an error that came together with the bytes. A reader that needs more must read on to EAGAIN.
    bool quiet() const { return !readable_ || (drained_ && !peer_ended_); }
    /// A new message begins on a quiet stream.
    void rest() { readable_ = !quiet(); }
    /// Asks the kernel whether neither bytes nor an end wait to be read.
    bool untouched();
    /// Notifies the observer again in the next turn of the loop, as if the stream had become
    /// readable: the other streams come first.
    void read_on_later() { again_.schedule(); }

    /// Bytes that the kernel holds and the peer has not acknowledged.
    std::size_t unacknowledged() const;

  private:
    static void fired(evutil_socket_t fd, short what, void* self);

    const Loop& loop_;
    UniqueFd fd_;
    bool readable_ = false;
    bool drained_ = false;     // by a short read
    bool peer_ended_ = false;  // so the last edge said
    StreamObserver* observer_ = nullptr;
    Deferred again_;
    EventHandle event_;
};

}  // namespace otto::net
