#include "control/listening.h"

#include <algorithm>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "config/locator.h"
#include "config/port.h"
#include "log/journal.h"
#include "sd/listen_fds.h"
#include "sd/socket_unit.h"

namespace otto::control {

namespace {

constexpr int backlog = 4096;

Result<UniqueFd> bind_one(const Address& address, bool both_families) {
    UniqueFd socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return Error::from_errno("cannot create a socket");
    const int on = 1;
    const int only_six = both_families ? 0 : 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.family() == AF_INET6)
        ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only_six, sizeof only_six);
    if (::bind(socket.get(), address.get(), address.length()) != 0 ||
        ::listen(socket.get(), backlog) != 0)
        return Error::from_errno("cannot listen on " + address.text());
    return socket;
}

/// ":8080" is every address of both families, or of IPv4 alone where the kernel has no IPv6.
Result<UniqueFd> bind_entry(const ListenConfig& entry) {
    if (!entry.host.empty()) {
        const auto address = Address::from_ip(entry.host, entry.port);
        if (!address) return address.error();
        return bind_one(*address, entry.host == "::");
    }
    auto both = bind_one(*Address::from_ip("::", entry.port), true);
    if (both || (both.error().number != EAFNOSUPPORT && both.error().number != EADDRNOTAVAIL))
        return both;
    return bind_one(*Address::from_ip("0.0.0.0", entry.port), false);
}

/// Whether `address` is a UNIX socket that is left of a process.
bool is_abandoned(const Address& address) {
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(probe.get(), address.get(), address.length()) != 0 && errno == ECONNREFUSED;
}

}  // namespace

Result<Listening> Listening::adopt() {
    auto passed = take_listen_fds();
    if (!passed) return passed.error();
    Listening listening;
    listening.from_systemd_ = true;
    for (PassedSocket& each : *passed) {
        if (each.name == "admin") {
            if (each.address.is_ip() && !each.address.is_loopback()) {
                log(Priority::error, nullptr,
                    fmt::format(
                        "the admin API is not served on {}, because other hosts can reach it: "
                        "otto-admin.socket may only use 127.0.0.1, [::1] and UNIX sockets",
                        each.address.text()));
            } else {
                listening.admin_.push_back(std::move(each.fd));
            }
            continue;
        }
        if (each.name == "https") {
            log(Priority::warning, nullptr,
                fmt::format("the socket {} is named \"{}\", which this version of Otto does not "
                            "support; its connections are not accepted: disable its socket unit "
                            "with systemctl disable --now, or name it http",
                            each.address.text(), each.name));
            continue;
        }
        listening.add(std::move(each.fd), each.address);
    }
    return listening;
}

Result<Listening> Listening::bind(const std::vector<ListenConfig>& port) {
    Listening listening;
    for (const ListenConfig& entry : port) {
        auto socket = bind_entry(entry);
        if (!socket) return socket.error();
        const Address address = address_of(socket->get());
        listening.add(std::move(*socket), address);
    }
    return listening;
}

Address Listening::address_of(int fd) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
    return {reinterpret_cast<const sockaddr*>(&storage), length};
}

Result<UniqueFd> Listening::bind_admin(const std::string& port) {
    const auto address = parse_local_listen(port);
    if (!address) return address.error();
    return address->is_ip() ? bind_one(*address, false) : bind_unix(*address);
}

Result<UniqueFd> Listening::bind_unix(const Address& address) {
    // Only Otto's own user, and root, may connect.
    const mode_t before = ::umask(0177);
    auto socket = bind_one(address, false);
    if (!socket && socket.error().number == EADDRINUSE && is_abandoned(address)) {
        const auto* path = reinterpret_cast<const sockaddr_un*>(address.get())->sun_path;
        ::unlink(path);
        socket = bind_one(address, false);
    }
    ::umask(before);
    return socket;
}

void Listening::add(UniqueFd socket, Address address) {
    // Accepted sockets inherit it: what Otto sends is complete, and must not wait for more.
    const int on = 1;
    if (address.is_ip()) ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockets_.push_back(std::move(socket));
    addresses_.push_back(address);
}

Result<std::vector<UniqueFd>> Listening::duplicate() const {
    std::vector<UniqueFd> copies;
    for (const UniqueFd& socket : sockets_) {
        UniqueFd copy(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 3));
        if (!copy) return Error::from_errno("cannot duplicate a listening socket");
        copies.push_back(std::move(copy));
    }
    return copies;
}

std::vector<std::string> Listening::texts() const {
    std::vector<std::string> list;
    for (const Address& address : addresses_) list.push_back(address.text());
    return list;
}

std::string describe_difference(const std::vector<ListenConfig>& port,
                                const std::vector<std::string>& sockets, const std::string& cure) {
    std::vector<std::string> wanted;
    for (const ListenConfig& entry : port) wanted.push_back(entry.text);
    return fmt::format(
        "\"port\" is {}, but systemd's socket listens on {}, which Otto uses; to move the socket, "
        "run as root: {}",
        fmt::join(wanted, ", "), fmt::join(sockets, ", "), cure);
}

std::string difference_to_unit(const std::vector<ListenConfig>& port) {
    const std::vector<std::string> streams = socket_unit_streams("otto.socket");
    std::vector<Address> addresses;
    for (const std::string& stream : streams)
        if (const auto address = parse_listen_stream(stream)) addresses.push_back(*address);
    if (addresses.empty() || same_port(port, addresses)) return "";
    return describe_difference(port, streams, "ottoctl apply");
}

std::string drop_in_commands(const std::vector<ListenConfig>& port, const std::string& unit) {
    std::string lines;
    for (const ListenConfig& entry : port)
        lines += fmt::format("; echo 'ListenStream={}'", listen_stream(entry));
    return fmt::format(
        "mkdir -p /etc/systemd/system/{0}.d && (echo '[Socket]'; echo ListenStream={1}) > "
        "/etc/systemd/system/{0}.d/10-ottoctl.conf && systemctl daemon-reload && "
        "systemctl restart {0}",
        unit, lines);
}

}  // namespace otto::control
