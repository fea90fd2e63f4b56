#include "net/byte_stream.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace otto::net {

ByteStream::ByteStream(const Loop& loop, UniqueFd fd)
    : loop_(loop),
      fd_(std::move(fd)),
      again_(loop,
             [this] {
                 if (observer_ != nullptr) observer_->on_stream(readable_, false);
             }),
      event_(event_new(loop.base(), fd_.get(), EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST,
                       fired, this)) {
    event_add(event_.get(), nullptr);
}

ByteStream::~ByteStream() {
    event_.reset();
    loop_.close_later(std::move(fd_));
}

void ByteStream::fired(evutil_socket_t, short what, void* self) {
    auto& stream = *static_cast<ByteStream*>(self);
    if ((what & EV_CLOSED) != 0) stream.peer_ended_ = true;
    if ((what & (EV_READ | EV_CLOSED)) != 0) {
        stream.readable_ = true;
        stream.drained_ = false;
    }
    if (stream.observer_ == nullptr) return;
    // What waits for its turn does not get a second one by new bytes.
    const bool readable = stream.readable_ && !stream.again_.scheduled();
    const bool writable = (what & EV_WRITE) != 0;
    if (readable || writable) stream.observer_->on_stream(readable, writable);
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

ssize_t ByteStream::send(std::span<iovec> pieces) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    return ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
}

void ByteStream::end_sending() {
    ::shutdown(fd_.get(), SHUT_WR);
}

void ByteStream::shut_down() {
    ::shutdown(fd_.get(), SHUT_RDWR);
}

std::size_t ByteStream::unacknowledged() const {
    int held = 0;
    return ::ioctl(fd_.get(), SIOCOUTQ, &held) == 0 ? static_cast<std::size_t>(held) : 0;
}

}  // namespace otto::net
