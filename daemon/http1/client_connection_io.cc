// What the kernel has of a client: its bytes, and whose they are.

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <span>
#include <utility>

#include <event2/buffer.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/slice.h"
#include "http1/client_connection.h"

namespace otto::http1 {

using namespace http;

namespace {

/// Of what is queued, in one turn of the loop.
constexpr ev_ssize_t most_at_once = 256 * 1024;

/// In a user namespace (PrivateUsers=) most users have no number of their own, but this one.
constexpr uid_t overflow_user = 65534;

/// The process on the other side of a UNIX socket, where the kernel tells.
std::optional<ucred> credentials(int fd) {
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.pid == 0)
        return std::nullopt;
    return peer;
}

}  // namespace

std::string ClientConnection::peer_process() const {
    const auto peer = credentials(link_.stream.descriptor());
    if (!peer) return {};
    if (peer->uid == overflow_user) return fmt::format("process {}", peer->pid);
    return fmt::format("process {} of user {}", peer->pid, peer->uid);
}

std::optional<uid_t> ClientConnection::peer_user() const {
    const auto peer = credentials(link_.stream.descriptor());
    if (!peer || peer->uid == overflow_user) return std::nullopt;
    return peer->uid;
}

ssize_t ClientConnection::splice_body(int pipe, std::size_t length) {
    if (!std::exchange(spliced_, true)) set_reading(Reading::spliced);
    const bool expected = link_.stream.readable();
    const ssize_t moved = link_.stream.splice_in(pipe, length);
    if (moved > 0) spliced_in(static_cast<std::size_t>(moved));
    if (moved >= 0 || errno != EAGAIN || !expected) return moved;
    std::vector<char>& scratch = context_.scratch;
    const std::size_t most = std::min({length, scratch.size(), std::size_t{PIPE_BUF}});
    const ssize_t copied = link_.stream.receive_urgent(scratch.data(), most);
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
    const ssize_t taken = link_.stream.splice_out(pipe, length);
    if (taken > 0) sent_ += static_cast<Bytes>(taken);
    if (taken < 0 && errno == EAGAIN) {
        await_writable();
        errno = EAGAIN;
    }
    return taken;
}

void ClientConnection::push() {
    link_.stream.push();
}

bool ClientConnection::send(std::span<iovec> pieces, int flags, std::size_t shared,
                            const std::shared_ptr<const void>* owner) {
    std::size_t sent = 0;
    if (queued() == 0) {
        const ssize_t taken = link_.stream.send(pieces, flags);
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
    return queued() + link_.stream.unacknowledged();
}

/// Of a UNIX socket the kernel says what its bytes take in memory, which is more.
Bytes ClientConnection::delivered() const {
    const Bytes held = unsent();
    return held < sent_ ? sent_ - held : 0;
}

void ClientConnection::await_writable() {
    awaits_writable_ = true;
    link_.stream.watch();
}

void ClientConnection::write_queued() {
    Slice slice(most_at_once);
    while (queued() > 0) {
        std::array<iovec, 16> pieces;
        const int found = evbuffer_peek(output_.get(), most_at_once, nullptr, pieces.data(),
                                        static_cast<int>(pieces.size()));
        const std::size_t count = std::min(static_cast<std::size_t>(found), pieces.size());
        std::size_t room = most_at_once;
        for (iovec& piece : std::span(pieces).first(count)) {
            piece.iov_len = std::min(piece.iov_len, room);
            room -= piece.iov_len;
        }
        const ssize_t taken = link_.stream.send({pieces.data(), count});
        if (taken < 0 && errno == EAGAIN) return;  // the next edge goes on
        if (taken < 0 && errno != EINTR) {
            lost();
            return;
        }
        if (taken < 0) continue;
        evbuffer_drain(output_.get(), static_cast<std::size_t>(taken));
        if (queued() > 0 && !slice.spend(static_cast<Bytes>(taken))) {
            link_.stream.write_on_later();
            return;
        }
    }
    awaits_writable_ = false;
    if (phase_ == Phase::finishing) {
        complete();
    } else if (phase_ == Phase::busy && observer_ != nullptr) {
        observer_->on_client_drained();
    }
}

}  // namespace otto::http1
