// What an exchange reads from its client and sends to it.

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include <event2/buffer.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/client_connection.h"

namespace otto::http {

namespace {

/// Of what is queued, in one turn of the loop.
constexpr ev_ssize_t most_at_once = 256 * 1024;

}  // namespace

ssize_t ClientConnection::splice_body(int pipe, std::size_t length) {
    if (!std::exchange(spliced_, true)) set_reading(Reading::spliced);
    const int fd = fd_.get();
    const bool expected = std::exchange(readable_, false);
    const ssize_t moved =
        ::splice(fd, nullptr, pipe, nullptr, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved > 0) spliced_in(static_cast<std::size_t>(moved));
    if (moved >= 0 || errno != EAGAIN || !expected) return moved;
    // splice(2) stops for good at a byte of urgent data, and the loop would spin; recv(2) passes
    // over it (RFC 6093).
    std::vector<char>& scratch = front_.scratch_;
    const std::size_t most = std::min({length, scratch.size(), std::size_t{PIPE_BUF}});
    const ssize_t copied = ::recv(fd, scratch.data(), most, 0);
    if (copied > 0) spliced_in(static_cast<std::size_t>(copied));
    return copied > 0 ? ::write(pipe, scratch.data(), static_cast<std::size_t>(copied)) : copied;
}

void ClientConnection::want_body(bool wanted) {
    set_reading(wanted ? Reading::spliced : Reading::paused);
}

void ClientConnection::spliced_in(std::size_t length) {
    arrived_ += length;
    received_->body.take(length);
    if (received_->body.state() == BodyState::complete) end_splicing();
}

void ClientConnection::end_splicing() {
    spliced_ = false;
    set_reading(Reading::buffered);
}

ssize_t ClientConnection::splice_reply(int pipe, std::size_t length) {
    const int fd = fd_.get();
    const ssize_t taken =
        ::splice(pipe, nullptr, fd, nullptr, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (taken > 0) sent_ += static_cast<Bytes>(taken);
    if (taken < 0 && errno == EAGAIN) {
        await_writable();
        errno = EAGAIN;
    }
    return taken;
}

void ClientConnection::push() {
    const int on = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool ClientConnection::send(std::span<iovec> pieces, int flags, std::size_t shared,
                            const std::shared_ptr<const void>* owner) {
    std::size_t sent = 0;
    if (queued() == 0) {
        msghdr message{};
        message.msg_iov = pieces.data();
        message.msg_iovlen = pieces.size();
        const ssize_t taken = ::sendmsg(fd_.get(), &message, flags | MSG_NOSIGNAL | MSG_DONTWAIT);
        if (taken < 0 && errno != EAGAIN && errno != EINTR) return false;
        sent = taken < 0 ? 0 : static_cast<std::size_t>(taken);
    }
    for (std::size_t at = 0; at < pieces.size(); ++at) {
        const iovec& piece = pieces[at];
        sent_ += piece.iov_len;
        if (sent >= piece.iov_len) {
            sent -= piece.iov_len;
            continue;
        }
        const iovec rest{static_cast<char*>(piece.iov_base) + sent, piece.iov_len - sent};
        if (!queue(rest, at == shared ? owner : nullptr)) return false;
        await_writable();
        sent = 0;
    }
    return true;
}

/// Copies it, unless it has an owner that can keep it.
bool ClientConnection::queue(const iovec& rest, const std::shared_ptr<const void>* owner) {
    if (!output_) output_.reset(evbuffer_new());
    if (owner == nullptr) return evbuffer_add(output_.get(), rest.iov_base, rest.iov_len) == 0;
    using Owner = std::shared_ptr<const void>;
    auto kept = std::make_unique<Owner>(*owner);
    const auto let_go = [](const void*, std::size_t, void* owner_of_it) {
        const std::unique_ptr<Owner> gone(static_cast<Owner*>(owner_of_it));
    };
    if (evbuffer_add_reference(output_.get(), rest.iov_base, rest.iov_len, let_go, kept.get()) != 0)
        return false;
    static_cast<void>(kept.release());
    return true;
}

std::size_t ClientConnection::queued() const {
    return output_ ? evbuffer_get_length(output_.get()) : 0;
}

std::size_t ClientConnection::unsent() const {
    int held = 0;
    if (::ioctl(fd_.get(), SIOCOUTQ, &held) != 0) held = 0;
    return queued() + static_cast<std::size_t>(held);
}

/// Of a UNIX socket the kernel says what its bytes take in memory, which is more.
Bytes ClientConnection::delivered() const {
    const Bytes held = unsent();
    return held < sent_ ? sent_ - held : 0;
}

bool ClientConnection::blocked() const {
    return writer_ && event_pending(writer_.get(), EV_WRITE, nullptr) != 0;
}

void ClientConnection::await_writable() {
    if (!writer_)
        writer_.reset(
            event_new(front_.loop_.base(), fd_.get(), EV_WRITE | EV_PERSIST, on_writable, this));
    event_add(writer_.get(), nullptr);
}

void ClientConnection::on_writable(evutil_socket_t, short, void* self) {
    static_cast<ClientConnection*>(self)->write_queued();
}

void ClientConnection::write_queued() {
    if (queued() > 0 && evbuffer_write_atmost(output_.get(), fd_.get(), most_at_once) < 0 &&
        errno != EAGAIN && errno != EINTR) {
        lost();
        return;
    }
    if (queued() > 0) return;
    event_del(writer_.get());
    if (phase_ == Phase::finishing) {
        complete();
    } else if (phase_ == Phase::busy && observer_ != nullptr) {
        observer_->on_client_drained();
    }
}

}  // namespace otto::http
