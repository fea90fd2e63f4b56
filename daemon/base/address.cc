#include "base/address.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/un.h>

#include "base/handle.h"

namespace otto {

namespace {

const sockaddr_in& v4(const sockaddr_storage& storage) {
    return reinterpret_cast<const sockaddr_in&>(storage);
}
const sockaddr_in6& v6(const sockaddr_storage& storage) {
    return reinterpret_cast<const sockaddr_in6&>(storage);
}

}  // namespace

Address::Address(const sockaddr* address, socklen_t length) {
    length_ = std::min<socklen_t>(length, sizeof storage_);
    std::memcpy(&storage_, address, length_);
    if (family() != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6(storage_).sin6_addr)) return;
    const sockaddr_in6 mapped = v6(storage_);
    sockaddr_in plain{};
    plain.sin_family = AF_INET;
    plain.sin_port = mapped.sin6_port;
    std::memcpy(&plain.sin_addr, mapped.sin6_addr.s6_addr + 12, 4);
    storage_ = {};
    std::memcpy(&storage_, &plain, sizeof plain);
    length_ = sizeof plain;
}

Result<Address> Address::from_ip(std::string_view ip, std::uint16_t port) {
    const std::string text(ip);
    sockaddr_in plain{};
    if (inet_pton(AF_INET, text.c_str(), &plain.sin_addr) == 1) {
        plain.sin_family = AF_INET;
        plain.sin_port = htons(port);
        return Address(reinterpret_cast<const sockaddr*>(&plain), sizeof plain);
    }
    sockaddr_in6 six{};
    if (inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1) {
        six.sin6_family = AF_INET6;
        six.sin6_port = htons(port);
        return Address(reinterpret_cast<const sockaddr*>(&six), sizeof six);
    }
    return Error{"\"" + text + "\" is not an IPv4 or IPv6 address"};
}

Result<Address> Address::from_path(std::string_view path) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof un.sun_path)
        return Error{"the path of a UNIX socket must have 1 to 107 bytes, but this one has " +
                     std::to_string(path.size())};
    std::memcpy(un.sun_path, path.data(), path.size());
    const bool abstract = path.front() == '@';
    if (abstract) un.sun_path[0] = '\0';
    const auto length = offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1);
    return Address(reinterpret_cast<const sockaddr*>(&un), static_cast<socklen_t>(length));
}

bool Address::is_loopback() const {
    const auto bytes = ip_bytes();
    if (!is_ip()) return false;
    if (family() == AF_INET) return bytes[12] == 127;
    return std::equal(bytes.begin(), bytes.end(), in6addr_loopback.s6_addr);
}

std::uint16_t Address::port() const {
    if (family() == AF_INET) return ntohs(v4(storage_).sin_port);
    if (family() == AF_INET6) return ntohs(v6(storage_).sin6_port);
    return 0;
}

Address Address::with_port(std::uint16_t port) const {
    Address other = *this;
    if (family() == AF_INET) reinterpret_cast<sockaddr_in&>(other.storage_).sin_port = htons(port);
    if (family() == AF_INET6)
        reinterpret_cast<sockaddr_in6&>(other.storage_).sin6_port = htons(port);
    return other;
}

std::array<std::uint8_t, 16> Address::ip_bytes() const {
    std::array<std::uint8_t, 16> bytes{};
    if (family() == AF_INET) {
        bytes[10] = bytes[11] = 0xff;
        std::memcpy(bytes.data() + 12, &v4(storage_).sin_addr, 4);
    } else if (family() == AF_INET6) {
        std::memcpy(bytes.data(), &v6(storage_).sin6_addr, 16);
    }
    return bytes;
}

std::string Address::ip() const {
    char text[INET6_ADDRSTRLEN] = "unix";
    if (family() == AF_INET) inet_ntop(AF_INET, &v4(storage_).sin_addr, text, sizeof text);
    if (family() == AF_INET6) inet_ntop(AF_INET6, &v6(storage_).sin6_addr, text, sizeof text);
    return text;
}

std::string Address::text() const {
    if (family() == AF_INET) return ip() + ":" + std::to_string(port());
    if (family() == AF_INET6) return "[" + ip() + "]:" + std::to_string(port());
    const auto& un = reinterpret_cast<const sockaddr_un&>(storage_);
    if (length_ <= offsetof(sockaddr_un, sun_path)) return "unix:";
    std::string path(un.sun_path, length_ - offsetof(sockaddr_un, sun_path));
    if (path.front() == '\0') {
        path.front() = '@';
    } else {
        path.resize(std::strlen(path.c_str()));
    }
    return "unix:" + path;
}

bool Address::operator==(const Address& other) const {
    if (family() != other.family()) return false;
    if (is_ip()) return port() == other.port() && ip_bytes() == other.ip_bytes();
    return length_ == other.length_ && std::memcmp(&storage_, &other.storage_, length_) == 0;
}

Result<Cidr> Cidr::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = Address::from_ip(text.substr(0, slash), 0);
    if (!address) return address.error();
    const unsigned width = address->family() == AF_INET ? 32 : 128;
    unsigned bits = width;
    if (slash != std::string_view::npos) {
        const auto* end = text.data() + text.size();
        const auto [rest, failed] = std::from_chars(text.data() + slash + 1, end, bits);
        if (failed != std::errc{} || rest != end || bits > width)
            return Error{"the prefix length of \"" + std::string(text) + "\" is not 0 to " +
                         std::to_string(width)};
    }
    Cidr cidr;
    cidr.bits_ = 128 - width + bits;
    cidr.prefix_ = address->ip_bytes();
    for (unsigned bit = cidr.bits_; bit < 128; ++bit)
        cidr.prefix_[bit / 8] =
            static_cast<std::uint8_t>(cidr.prefix_[bit / 8] & ~(0x80u >> bit % 8));
    return cidr;
}

bool Cidr::contains(const Address& address) const {
    if (!address.is_ip()) return false;
    const auto bytes = address.ip_bytes();
    const unsigned whole = bits_ / 8;
    if (!std::equal(prefix_.begin(), prefix_.begin() + whole, bytes.begin())) return false;
    if (bits_ % 8 == 0) return true;
    const auto mask = static_cast<std::uint8_t>(0xff00u >> bits_ % 8);
    return (bytes[whole] & mask) == prefix_[whole];
}

Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int failed = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    if (failed == EAI_SYSTEM) return Error{std::strerror(errno), errno};
    if (failed != 0) return Error{gai_strerror(failed)};
    const std::unique_ptr<addrinfo, Deleter<freeaddrinfo>> owner(list);
    std::vector<Address> addresses;
    for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
        const Address address(each->ai_addr, each->ai_addrlen);
        if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
            addresses.push_back(address);
    }
    return addresses;
}

}  // namespace otto
