#pragma once

#include <cstdint>
#include <string_view>

#include "base/address.h"

namespace otto {

/// What a client is known by to ip-hash: its IPv4 address, or the /64 of its IPv6 address, of which
/// it may use any other the next minute. All clients of UNIX sockets are one. The same in every
/// process and on every machine.
std::uint64_t client_key(const Address& address);

/// What a server is known by, wherever it stands in the list. The same in every process.
std::uint64_t server_key(std::string_view url);

}  // namespace otto
