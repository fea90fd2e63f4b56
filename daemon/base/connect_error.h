#pragma once

#include <cstdint>

namespace otto {

/// What an errno of socket(2) or connect(2) says.
enum class ConnectError : std::uint8_t {
    refused,    // no process listens there
    not_yet,    // the backlog of a UNIX socket is full: the same call may succeed in a moment
    shortage,   // Otto, or the host, lacks descriptors, memory or local ports: no fault of the
                // server
    timed_out,  // the kernel has given up
    other,
};

/// `unix_socket`: connect(2) gives EAGAIN for another reason there than for IP addresses.
ConnectError connect_error(int number, bool unix_socket);

}  // namespace otto
