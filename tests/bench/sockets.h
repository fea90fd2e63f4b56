#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

[[noreturn]] inline void fail(const std::string& message) {
    fmt::print(stderr, "{}: {}\n", program_invocation_short_name, message);
    std::exit(1);
}

/// A descriptor, closed with its owner.
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (fd_ >= 0 && fd_ != other.fd_) ::close(fd_);
        fd_ = std::exchange(other.fd_, -1);
        return *this;
    }
    ~Fd() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

/// Edge-triggered: `object` is told of every change for as long as the descriptor lives.
inline void watch(int epoll, int fd, void* object) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = object;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

/// Sends, or gives the errno as a negative number.
inline ssize_t send_bytes(int socket, std::string_view bytes, int flags = 0) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), flags | MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

/// Bytes that many connections send. From plain memory, as applications do: sendfile(2) from a file
/// in memory goes by pages of 4 KiB, and took half as long again.
class Payload {
  public:
    static constexpr std::uint64_t capacity = 1 << 20;

    Payload() : bytes_(capacity, '\0') {
        for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<char>('!' + i % 94);
    }

    /// Sends up to `length` bytes from position `at` of an endless body, as send_bytes does.
    ssize_t send(int socket, std::uint64_t at, std::uint64_t length) const {
        return send_bytes(socket, std::string_view(bytes_).substr(at % capacity, length));
    }

  private:
    std::string bytes_;
};

}  // namespace bench
