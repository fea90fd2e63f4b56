#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace otto::ctl {

// systemd, by its own command.

/// Whether systemd runs this system, as sd_booted(3) says.
bool is_booted();

/// `systemctl WORDS...`, which says by itself what is wrong.
Status systemctl(std::vector<std::string> words);

/// What `systemctl WORDS...` prints, without its complaints; "" when there is nothing.
std::string systemctl_output(std::vector<std::string> words);

/// A property of a unit, as "systemctl show -P".
std::string unit_property(const std::string& unit, const std::string& property);

/// The socket unit that opens the HTTP sockets of a service, or "".
std::string socket_unit_of(const std::string& service);

/// Why no Otto answers at the socket `place`, and what helps, as a half-sentence.
std::string why_unreachable(const std::string& place);

}  // namespace otto::ctl
