#include "net/byte_stream.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace otto::net {

ByteStream::ByteStream(const Loop& loop, UniqueFd fd)
    : loop_(loop), fd_(std::move(fd)), again_(loop, [this] {
          const bool writable = std::exchange(write_again_, false);
          if (observer_ != nullptr) observer_->on_stream(readable_, writable);
      }) {}

ByteStream::~ByteStream() {
    unwatch();
    if (was_watched_) loop_.close_later(std::move(fd_));
}

void ByteStream::watch() {
    if (event_) return;
    readable_ = false;  // the first edge tells
    event_.reset(event_new(loop_.base(), fd_.get(),
                           EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, fired, this));
    event_add(event_.get(), nullptr);
}

void ByteStream::unwatch() {
    observe(nullptr);
    if (!event_) return;
    event_.reset();
    was_watched_ = true;
}

void ByteStream::close_now() {
    unwatch();
    fd_.reset();
}

void ByteStream::fired(evutil_socket_t, short what, void* self) {
    auto& stream = *static_cast<ByteStream*>(self);
    if ((what & EV_CLOSED) != 0) stream.peer_ended_ = true;
    if ((what & (EV_READ | EV_CLOSED)) != 0) {
        stream.readable_ = true;
        stream.drained_ = false;
    }
    if (stream.observer_ == nullptr) return;
    const bool writable = (what & EV_WRITE) != 0;
    if (stream.again_.scheduled()) {
        // What waits for its turn does not get a second one by new bytes.
        if (writable) stream.write_again_ = true;
    } else if (stream.readable_ || writable) {
        stream.observer_->on_stream(stream.readable_, writable);
    }
}

int ByteStream::connect_error() const {
    int failure = 0;
    socklen_t length = sizeof failure;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &failure, &length) != 0) return errno;
    if (failure != 0) return failure;
    sockaddr_storage peer{};
    length = sizeof peer;
    if (::getpeername(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &length) != 0)
        return errno == ENOTCONN ? EINPROGRESS : errno;
    return 0;
}

ssize_t ByteStream::receive(char* buffer, std::size_t size) {
    if (!readable_) {
        errno = EAGAIN;
        return -1;
    }
    const ssize_t length = ::recv(fd_.get(), buffer, size, 0);
    if (length < 0 && errno == EAGAIN) readable_ = false;
    drained_ = length > 0 && static_cast<std::size_t>(length) < size;
    return length;
}

ssize_t ByteStream::splice_in(int pipe, std::size_t length) {
    if (!readable_) {
        errno = EAGAIN;
        return -1;
    }
    const ssize_t moved =
        ::splice(fd_.get(), nullptr, pipe, nullptr, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved < 0 && errno == EAGAIN) readable_ = false;
    drained_ = false;
    return moved;
}

ssize_t ByteStream::splice_out(int pipe, std::size_t length) {
    return ::splice(pipe, nullptr, fd_.get(), nullptr, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

bool ByteStream::untouched() {
    char byte = 0;
    if (::recv(fd_.get(), &byte, 1, MSG_PEEK) >= 0 || errno != EAGAIN) return false;
    readable_ = false;
    return true;
}

ssize_t ByteStream::receive_urgent(char* buffer, std::size_t size) {
    const ssize_t length = ::recv(fd_.get(), buffer, size, MSG_DONTWAIT);
    if (length > 0) readable_ = true;
    return length;
}

ssize_t ByteStream::send(std::span<iovec> pieces, int flags) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    return ::sendmsg(fd_.get(), &message, flags | MSG_NOSIGNAL);
}

void ByteStream::push() {
    const int on = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void ByteStream::end_sending() {
    ::shutdown(fd_.get(), SHUT_WR);
}

void ByteStream::shut_down() {
    ::shutdown(fd_.get(), SHUT_RDWR);
}

/// SO_LINGER would come too late where the other direction has been shut down.
void ByteStream::reset() {
    sockaddr nowhere{};
    nowhere.sa_family = AF_UNSPEC;
    ::connect(fd_.get(), &nowhere, sizeof nowhere);
}

bool ByteStream::has_unread() const {
    int arrived = 0;
    return ::ioctl(fd_.get(), FIONREAD, &arrived) == 0 && arrived > 0;
}

bool ByteStream::broken() const {
    pollfd ask{.fd = fd_.get(), .events = 0, .revents = 0};
    return ::poll(&ask, 1, 0) == 1;
}

std::size_t ByteStream::unacknowledged() const {
    int held = 0;
    return ::ioctl(fd_.get(), SIOCOUTQ, &held) == 0 ? static_cast<std::size_t>(held) : 0;
}

}  // namespace otto::net
