#pragma once

#include <string>
#include <vector>

namespace otto {

/// The stream addresses that a socket unit of the running systemd listens on, as systemd writes
/// them ("[::]:8080", "/run/x"); empty when there is no systemd, no such unit, or nothing to be
/// learnt. Waits for D-Bus: at most a second.
std::vector<std::string> socket_unit_streams(const std::string& unit);

/// The service of systemd that this process belongs to, "otto.service"; "" in a terminal or a
/// container.
std::string own_service();

/// The socket unit that belongs to a service by its name: "otto.socket", also for none.
std::string socket_unit_of(const std::string& service);

}  // namespace otto
