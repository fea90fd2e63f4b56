#include "config/port.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/locator.h"

namespace otto {

namespace {

bool is_any(const Address& address) {
    return address.ip() == "::" || address.ip() == "0.0.0.0";
}

bool matches(const ListenConfig& entry, const Address& address) {
    if (entry.port != address.port()) return false;
    if (entry.host.empty()) return is_any(address);
    if (entry.host == "::" || entry.host == "0.0.0.0") return is_any(address);
    const auto wanted = Address::from_ip(entry.host, entry.port);
    return wanted && *wanted == address;
}

}  // namespace

bool same_port(const std::vector<ListenConfig>& port, const std::vector<Address>& addresses) {
    const auto served = [&addresses](const ListenConfig& entry) {
        return std::ranges::any_of(
            addresses, [&entry](const Address& address) { return matches(entry, address); });
    };
    const auto wanted = [&port](const Address& address) {
        return !address.is_ip() || std::ranges::any_of(port, [&address](const ListenConfig& entry) {
            return matches(entry, address);
        });
    };
    return std::ranges::all_of(port, served) && std::ranges::all_of(addresses, wanted);
}

std::string listen_stream(const ListenConfig& entry) {
    const auto address = Address::from_ip(entry.host, entry.port);
    return address ? address->text() : std::to_string(entry.port);
}

std::string port_entry(const Address& address) {
    return address.ip() == "::" ? fmt::format(":{}", address.port()) : address.text();
}

Result<Address> parse_listen_stream(const std::string& stream) {
    const auto authority = parse_authority(stream, true);
    if (!authority) return authority.error();
    if (!authority->port) return Error{"the port is missing"};
    return Address::from_ip(authority->host, *authority->port);
}

}  // namespace otto
