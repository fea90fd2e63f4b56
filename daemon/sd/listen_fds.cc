#include "sd/listen_fds.h"

#include <cstdlib>
#include <memory>
#include <string_view>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

namespace otto {
namespace {

// What systemd and libsystemd fill in when a unit has no FileDescriptorName=: the unit's own name,
// or this word.
std::string socket_name(std::string_view given) {
    const bool unnamed = given.empty() || given == "unknown" || given.ends_with(".socket");
    return std::string(unnamed ? "http" : given);
}

Status adopt(PassedSocket& socket) {
    const int fd = socket.fd.get();
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    const bool listening = sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) > 0 &&
                           getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) == 0;
    const int family = storage.ss_family;
    if (!listening || (family != AF_INET && family != AF_INET6 && family != AF_UNIX)) {
        return Error{fmt::format(
            "file descriptor {} (\"{}\") is not a listening IPv4, IPv6 or UNIX stream socket", fd,
            socket.name)};
    }
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        return Error::from_errno(fmt::format("file descriptor {} (\"{}\")", fd, socket.name));
    }
    socket.address = Address(reinterpret_cast<const sockaddr*>(&storage), length);
    return {};
}

}  // namespace

Result<std::vector<PassedSocket>> take_listen_fds() {
    char** list = nullptr;
    const int count = sd_listen_fds_with_names(1, &list);
    if (count < 0) return Error::from_errno("cannot get the sockets from systemd", -count);

    const std::unique_ptr<char*, Deleter<std::free>> names(list);
    std::vector<PassedSocket> sockets;
    for (int i = 0; i < count; ++i) {
        const std::unique_ptr<char, Deleter<std::free>> name(list[i]);
        sockets.push_back({UniqueFd(SD_LISTEN_FDS_START + i), socket_name(name.get()), {}});
    }
    for (PassedSocket& socket : sockets) {
        if (const Status status = adopt(socket); !status) return Error(status.error());
    }
    return sockets;
}

}  // namespace otto
