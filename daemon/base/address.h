#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/result.h"

namespace otto {

/// The address of a socket: IPv4 or IPv6 with a port, or the path of a UNIX socket.
class Address {
  public:
    Address() = default;
    /// From what the kernel gave; an IPv4-mapped IPv6 address becomes IPv4.
    Address(const sockaddr* address, socklen_t length);

    /// A literal IPv4 or IPv6 address (no brackets, no name).
    static Result<Address> from_ip(std::string_view ip, std::uint16_t port);
    /// A UNIX socket; `@name` is in the abstract namespace. Fails when the path is too long (107
    /// bytes).
    static Result<Address> from_path(std::string_view path);

    int family() const { return storage_.ss_family; }
    bool is_ip() const { return family() == AF_INET || family() == AF_INET6; }
    /// 127.0.0.0/8 or ::1.
    bool is_loopback() const;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
    socklen_t length() const { return length_; }
    /// 0 for UNIX sockets.
    std::uint16_t port() const;
    /// The same IP address with another port; UNIX sockets stay as they are.
    Address with_port(std::uint16_t port) const;
    /// The bytes of the IP address, IPv4 as IPv4-mapped IPv6; all zero for UNIX sockets.
    std::array<std::uint8_t, 16> ip_bytes() const;
    /// "192.0.2.1", "2001:db8::1", or "unix".
    std::string ip() const;
    /// "192.0.2.1:80", "[2001:db8::1]:80", "unix:/path".
    std::string text() const;

    bool operator==(const Address& other) const;

  private:
    sockaddr_storage storage_{};
    socklen_t length_ = 0;
};

/// A range of IP addresses, as `192.0.2.0/24`, `2001:db8::/32`, or a single address.
class Cidr {
  public:
    static Result<Cidr> parse(std::string_view text);
    /// Always false for UNIX sockets.
    bool contains(const Address& address) const;
    bool operator==(const Cidr&) const = default;

  private:
    std::array<std::uint8_t, 16> prefix_{};
    unsigned bits_ = 0;  // of the 128, IPv4 being mapped
};

/// All addresses of a host name or literal for TCP, in the order of RFC 6724; or why there are none
/// ("Name or service not known"). Blocks on DNS for names that are not in /etc/hosts.
Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port);

}  // namespace otto
