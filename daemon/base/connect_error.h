#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

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

/// How long to wait before the next connect(2) after ConnectError::not_yet: from 2 to 50 ms.
/// `last`: the wait before this one; zero at first.
constexpr Duration next_connect_delay(Duration last) {
    return std::clamp<Duration>(2 * last, std::chrono::milliseconds(2),
                                std::chrono::milliseconds(50));
}

}  // namespace otto
