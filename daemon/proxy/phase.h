#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace otto {

/// Where an exchange is.
enum class Phase : std::uint8_t {
    none,        // it is over, or has not begun
    gathering,   // the request's body is awaited, where all servers have a limit
    pausing,     // an attempt has failed; what follows happens later in the turn
    waiting,     // for verdicts, or for other candidates
    queued,      // for a place at a server
    attempting,  // a server is asked
    tunnelling,  // after a switch of protocols
};
inline constexpr std::size_t phases = static_cast<std::size_t>(Phase::tunnelling) + 1;

/// The moves that an exchange makes, by the phase that it comes from. It may end in any.
constexpr bool may_move(Phase from, Phase to) {
    if (to == Phase::none) return true;  // what Otto answers at once never leaves it
    const auto among = [to](std::initializer_list<Phase> allowed) {
        for (const Phase each : allowed)
            if (each == to) return true;
        return false;
    };
    using enum Phase;
    switch (from) {
        case none:
            return among({gathering, waiting, queued, attempting});
        case gathering:
        case pausing:
            return among({waiting, queued, attempting});
        case waiting:
            return among({queued, attempting});
        case queued:
            return among({waiting, attempting});
        case attempting:
            return among({pausing, tunnelling});
        case tunnelling:
            return false;
    }
    return false;
}

}  // namespace otto
