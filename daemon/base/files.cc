#include "base/files.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/handle.h"

namespace otto {

namespace {

Status write_all(int fd, std::string_view text, const FileOwner& owner, const std::string& path) {
    const bool owned =
        owner.user != static_cast<uid_t>(-1) || owner.group != static_cast<gid_t>(-1);
    if ((owned && ::fchown(fd, owner.user, owner.group) != 0) || ::fchmod(fd, owner.mode) != 0)
        return Error::from_errno("cannot write " + path);
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return Error::from_errno("cannot write " + path);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(fd) != 0) return Error::from_errno("cannot write " + path);
    return {};
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

}  // namespace

Result<std::string> read_regular_file(const std::string& path, std::size_t largest) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return Error::from_errno("cannot open the file");
    if (!S_ISREG(status.st_mode)) return Error{"the file is not a regular file"};
    std::string text;
    std::array<char, 64 * 1024> block;
    for (;;) {
        const ssize_t length = ::read(fd.get(), block.data(), block.size());
        if (length == 0) return text;
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return Error::from_errno("cannot read the file");
        text.append(block.data(), static_cast<std::size_t>(length));
        if (text.size() > largest)
            return Error{"the file has more than " + std::to_string(largest >> 20) + "MiB"};
    }
}

Status write_file_atomically(const std::string& path, std::string_view text,
                             const FileOwner& owner) {
    std::string draft = path + ".XXXXXX";
    {
        // mkostemp(3) opens with O_EXCL and mode 0600.
        const UniqueFd fd(::mkostemp(draft.data(), O_CLOEXEC));
        if (!fd) return Error::from_errno("cannot write " + path);
        if (Status written = write_all(fd.get(), text, owner, path); !written) {
            ::unlink(draft.c_str());
            return written;
        }
    }
    if (std::rename(draft.c_str(), path.c_str()) != 0) {
        const Error error = Error::from_errno("cannot write " + path);
        ::unlink(draft.c_str());
        return error;
    }
    return sync_folder(folder_of(path));
}

Status sync_folder(const std::string& folder) {
    const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) return Error::from_errno("cannot write " + folder);
    return {};
}

}  // namespace otto
