#include "sd/journal_socket.h"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include <endian.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace otto {

namespace {

constexpr std::string_view path = "/run/systemd/journal/socket";

}  // namespace

Result<JournalSocket> JournalSocket::open() {
    UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return Error::from_errno("the journal");
    return JournalSocket(std::move(fd));
}

Result<bool> JournalSocket::send(std::string_view record) {
    if (::send(fd_.get(), record.data(), record.size(), MSG_NOSIGNAL) >= 0) return true;
    if (errno == EAGAIN) return false;
    return Error::from_errno("the journal");
}

void append_journal_field(std::string& record, std::string_view name, std::string_view value) {
    record.append(name);
    if (value.find('\n') == std::string_view::npos) {
        record += '=';
    } else {
        // The length tells where it ends, not the next line break.
        const std::uint64_t length = htole64(value.size());
        char bytes[sizeof length];
        std::memcpy(bytes, &length, sizeof length);
        record += '\n';
        record.append(bytes, sizeof bytes);
    }
    record.append(value) += '\n';
}

}  // namespace otto
