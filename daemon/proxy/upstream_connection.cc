#include "proxy/upstream_connection.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace otto {

Result<std::unique_ptr<UpstreamConnection>> UpstreamConnection::connect(
    const Loop& loop, const Address& address, ServerConnections::Slot& slot) {
    UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return Error::from_errno("cannot create a socket");
    if (address.is_ip()) {
        const int on = 1;
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    const int failed = ::connect(fd.get(), address.get(), address.length());
    if (failed != 0 && errno != EINPROGRESS) return Error::from_errno(address.text());
    return std::unique_ptr<UpstreamConnection>(
        new UpstreamConnection(loop, std::move(fd), failed == 0, std::move(slot)));
}

UpstreamConnection::UpstreamConnection(const Loop& loop, UniqueFd fd, bool connected,
                                       ServerConnections::Slot slot)
    : loop_(loop),
      slot_(std::move(slot)),
      fd_(std::move(fd)),
      connected_(connected),
      again_(loop,
             [this] {
                 if (observer_ != nullptr) observer_->on_upstream(*this, readable_, false);
             }),
      event_(event_new(loop.base(), fd_.get(), EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST,
                       fired, this)) {
    event_add(event_.get(), nullptr);
}

UpstreamConnection::~UpstreamConnection() {
    event_.reset();
    // The server must have its place back before another connection takes the slot.
    if (const auto* of = slot_.of(); of != nullptr && (of->limited() || of->wanted()))
        ::shutdown(fd_.get(), SHUT_RDWR);
    loop_.close_later(std::move(fd_));
}

void UpstreamConnection::fired(evutil_socket_t, short what, void* self) {
    auto& connection = *static_cast<UpstreamConnection*>(self);
    if ((what & EV_CLOSED) != 0) connection.peer_closed_ = true;
    if ((what & (EV_READ | EV_CLOSED)) != 0) {
        connection.readable_ = true;
        connection.drained_ = false;
    }
    if (connection.observer_ == nullptr) return;
    // What waits for its turn does not get a second one by new bytes.
    const bool readable = connection.readable_ && !connection.again_.scheduled();
    const bool writable = (what & EV_WRITE) != 0;
    if (readable || writable) connection.observer_->on_upstream(connection, readable, writable);
}

int UpstreamConnection::finish_connecting() {
    int failure = 0;
    socklen_t length = sizeof failure;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &failure, &length) != 0) return errno;
    if (failure != 0) return failure;
    sockaddr_storage peer{};
    length = sizeof peer;
    if (::getpeername(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &length) != 0)
        return errno == ENOTCONN ? EINPROGRESS : errno;
    connected_ = true;
    return 0;
}

ssize_t UpstreamConnection::receive(char* buffer, std::size_t size) {
    if (!readable_) {
        errno = EAGAIN;
        return -1;
    }
    const ssize_t length = ::recv(fd_.get(), buffer, size, 0);
    if (length < 0 && errno == EAGAIN) readable_ = false;
    drained_ = length > 0 && static_cast<std::size_t>(length) < size;
    return length;
}

ssize_t UpstreamConnection::splice_in(int pipe, std::size_t length) {
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

ssize_t UpstreamConnection::splice_out(int pipe, std::size_t length) {
    return ::splice(pipe, nullptr, fd_.get(), nullptr, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

bool UpstreamConnection::untouched() {
    char byte = 0;
    if (::recv(fd_.get(), &byte, 1, MSG_PEEK) >= 0 || errno != EAGAIN) return false;
    readable_ = false;
    return true;
}

ssize_t UpstreamConnection::send(std::span<iovec> pieces) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    return ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
}

void UpstreamConnection::end_sending() {
    ::shutdown(fd_.get(), SHUT_WR);
}

std::size_t UpstreamConnection::unacknowledged() const {
    int held = 0;
    return ::ioctl(fd_.get(), SIOCOUTQ, &held) == 0 ? static_cast<std::size_t>(held) : 0;
}

}  // namespace otto
