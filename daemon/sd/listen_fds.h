#pragma once

#include <string>
#include <vector>

#include "base/address.h"
#include "base/handle.h"
#include "base/result.h"

namespace otto {

/// A listening socket that systemd opened for this process.
struct PassedSocket {
    UniqueFd fd;
    std::string name;  // FileDescriptorName= of its socket unit; "http" for a unit that names none
    Address address;   // what it listens on
};

/// Takes over the sockets of the protocol of sd_listen_fds(3), in systemd's order, and takes the
/// protocol's variables out of the environment; so a second call gives none, as does a start
/// without socket activation. Each is made non-blocking and close-on-exec. An fd that is no
/// listening stream socket of IPv4, IPv6 or UNIX is an Error that names it, and closes them all.
/// Call before the first thread.
Result<std::vector<PassedSocket>> take_listen_fds();

}  // namespace otto
