#pragma once

#include <cstddef>
#include <span>
#include <utility>

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

/// A non-blocking socket, connected or connecting, with one edge-triggered event from watch() to
/// its end, so that a request costs no epoll_ctl. Bytes are read and written here and nowhere else.
/// Owned by one side's connection; used on the loop's thread.
class ByteStream {
  public:
    ByteStream(const Loop& loop, UniqueFd fd);
    /// Closes the descriptor, a turn of the loop later if there was an event.
    ~ByteStream();
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;

    /// Closes the descriptor at once, because another needs its number. All events on the loop that
    /// may get it are edge-triggered.
    void close_now();
    /// For questions to the kernel; -1 once it is closed.
    int descriptor() const { return fd_.get(); }

    /// Makes the event, if there is none yet. Before that the stream may be read and written, but
    /// the observer is notified of nothing. What has happened by then is notified.
    void watch();
    /// Ends the event. Nothing is notified any more.
    void unwatch();
    bool watched() const { return event_ != nullptr; }

    /// Null: nothing is notified. What read_on_later() has promised is dropped.
    void observe(StreamObserver* observer) {
        observer_ = observer;
        again_.cancel();
        write_again_ = false;
    }

    /// After connect(2) and an edge: 0 when the connection is up, EINPROGRESS when that is
    /// undecided, else the errno why not.
    int connect_error() const;

    /// As recv(2): -1 with errno, 0 at the end. EAGAIN without a system call when nothing can be
    /// there.
    ssize_t receive(char* buffer, std::size_t size);
    /// As recv(2), after EAGAIN of splice_in(): a byte of urgent data (RFC 6093) stops splice(2)
    /// for good, while recv(2) passes over it.
    ssize_t receive_urgent(char* buffer, std::size_t size);
    /// As sendmsg(2), without SIGPIPE.
    ssize_t send(std::span<iovec> pieces, int flags = 0);
    /// Sends what the kernel holds back after MSG_MORE.
    void push();
    /// Moves bytes into a pipe, as splice(2).
    ssize_t splice_in(int pipe, std::size_t length);
    /// Moves bytes out of one, as splice(2).
    ssize_t splice_out(int pipe, std::size_t length);
    /// Tells the peer that no more will come.
    void end_sending();
    /// Ends the connection in both directions before the descriptor is closed.
    void shut_down();
    /// Ends the connection by a reset, now.
    void reset();

    /// An edge came that receive() has not seen the end of.
    bool readable() const { return readable_; }
    /// Nothing more seems to be there to be read. After a short read that is so but for one case:
    /// an error that came together with the bytes. A reader that needs more must read on to EAGAIN.
    bool quiet() const { return !readable_ || (drained_ && !peer_ended_); }
    /// A new message begins on a quiet stream.
    void rest() { readable_ = !quiet(); }
    /// Asks the kernel whether neither bytes nor an end wait to be read.
    bool untouched();
    /// The kernel has bytes that were not read yet.
    bool has_unread() const;
    /// The peer has sent all that it will, so an edge said.
    bool peer_ended() const { return peer_ended_; }
    /// The connection has failed, or ended in both directions. Asks the kernel.
    bool broken() const;
    /// Notifies the observer again in the next turn of the loop, as if the stream had become
    /// readable: the other streams come first. Until then no edge is notified.
    void read_on_later() { again_.schedule(); }
    bool reads_on_later() const { return again_.scheduled(); }
    /// The same, as if it had become writable.
    void write_on_later() {
        write_again_ = true;
        again_.schedule();
    }

    /// Bytes that the kernel holds and the peer has not acknowledged.
    std::size_t unacknowledged() const;

  private:
    static void fired(evutil_socket_t fd, short what, void* self);

    const Loop& loop_;
    UniqueFd fd_;
    bool readable_ = true;     // until it is watched, only a read can tell
    bool drained_ = false;     // by a short read
    bool peer_ended_ = false;  // so an edge said
    bool write_again_ = false;
    bool was_watched_ = false;  // libevent may still have to tell the kernel that it is not
    StreamObserver* observer_ = nullptr;
    Deferred again_;
    EventHandle event_;
};

}  // namespace otto::net
