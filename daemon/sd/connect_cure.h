#pragma once

#include <string>
#include <string_view>

#include "base/address.h"

namespace otto {

/// What of the sandbox that systemd gives Otto can keep it from its servers.
struct Sandbox {
    std::string unit;          // "otto.service"; "" when Otto is not a service
    bool private_tmp = false;  // PrivateTmp=
};

/// This process's, which does not change. Any thread; the first call reads /proc.
const Sandbox& own_sandbox();

/// Whether /tmp or /var/tmp is one of those that systemd makes for PrivateTmp=, according to the
/// text of /proc/self/mountinfo (proc(5)).
bool has_private_tmp(std::string_view mountinfo);

/// Why socket(2) or connect(2) gave `number` for a server's address: "connection refused". Where
/// Otto's user or its sandbox is the likely cause, the cure follows: "permission denied; …".
std::string connect_failure_text(int number, const Address& address, const Sandbox& sandbox);

/// What may be why an address does not answer at all, to follow a reason: "; …". Packets that
/// IPAddressDeny= or a firewall drops give connect(2) no error. "" on this host, where neither is
/// likely.
std::string silence_cure(const Address& address, const Sandbox& sandbox);

/// The same for this process.
std::string connect_failure_text(int number, const Address& address);
std::string silence_cure(const Address& address);

}  // namespace otto
