#include "base/connect_error.h"

#include <cerrno>

namespace otto {

ConnectError connect_error(int number, bool unix_socket) {
    switch (number) {
        case ECONNREFUSED:
        case ENOENT:
            return ConnectError::refused;
        case EAGAIN:
            return unix_socket ? ConnectError::not_yet : ConnectError::shortage;
        case EADDRINUSE:
        case EADDRNOTAVAIL:
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            return ConnectError::shortage;
        case ETIMEDOUT:
            return ConnectError::timed_out;
        default:
            return ConnectError::other;
    }
}

}  // namespace otto
