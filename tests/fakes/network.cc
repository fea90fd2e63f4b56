#include "fakes/network.h"

#include <atomic>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

std::atomic<int> error_of_connect{0};  // 0: the network works
std::atomic<bool> fails_later{false};

}  // namespace

/// In place of libc's. A socket that is not connected reports a hang-up at once, which is when the
/// connection in progress fails.
extern "C" int connect(int fd, const sockaddr* address, socklen_t length) {
    const int error = error_of_connect.load(std::memory_order_relaxed);
    if (error == 0 || address->sa_family == AF_UNIX)
        return static_cast<int>(::syscall(SYS_connect, fd, address, length));
    errno = fails_later ? EINPROGRESS : error;
    return -1;
}

extern "C" int getsockopt(int fd, int level, int name, void* value, socklen_t* length) noexcept {
    const int error = error_of_connect.load(std::memory_order_relaxed);
    if (error == 0 || level != SOL_SOCKET || name != SO_ERROR)
        return static_cast<int>(::syscall(SYS_getsockopt, fd, level, name, value, length));
    std::memcpy(value, &error, sizeof error);
    return 0;
}

namespace otto::fakes {

BrokenNetwork::BrokenNetwork(int error_number, When when) {
    error_of_connect = error_number;
    fails_later = when == When::later;
}

BrokenNetwork::~BrokenNetwork() {
    error_of_connect = 0;
}

}  // namespace otto::fakes
