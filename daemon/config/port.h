#pragma once

#include <string>
#include <vector>

#include "base/address.h"
#include "config/config.h"

namespace otto {

/// Whether listening on `addresses` is what `port` asks for. UNIX sockets are extra and never
/// differ.
bool same_port(const std::vector<ListenConfig>& port, const std::vector<Address>& addresses);

/// What ListenStream= of a socket unit says for an entry of `port`.
std::string listen_stream(const ListenConfig& entry);

/// What `port` says for a listening socket; every address of both families is ":PORT".
std::string port_entry(const Address& address);

/// An address as systemd writes it: "[::]:8080", "192.0.2.1:80". The Error says that it is none:
/// of a UNIX socket, for example.
Result<Address> parse_listen_stream(const std::string& stream);

}  // namespace otto
