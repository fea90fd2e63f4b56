#pragma once

#include <cstdint>

namespace otto {

/// What an operator wants of a server.
enum class ServerState : std::uint8_t {
    active,
    drain,    // no new requests, those under way are finished
    disabled  // the same, and no checks
};

}  // namespace otto
