#include "sd/state.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

#include "base/handle.h"

namespace otto {
namespace {

constexpr std::string_view last_good = "last-good.json";

std::string path_of(const std::string& dir, std::string_view name) {
    return dir + "/" + std::string(name);
}

Status write_all(int fd, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return Error::from_errno("cannot write " + path);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (fsync(fd) != 0) return Error::from_errno("cannot write " + path);
    return {};
}

// The rename itself is durable only once the folder is.
Status sync_folder(const std::string& dir) {
    const UniqueFd folder(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || fsync(folder.get()) != 0) return Error::from_errno("cannot write " + dir);
    return {};
}

}  // namespace

std::optional<std::string> state_directory() {
    const char* const list = std::getenv("STATE_DIRECTORY");
    if (list == nullptr) return std::nullopt;
    const std::string_view all(list);
    const std::string_view first = all.substr(0, all.find(':'));
    if (first.empty()) return std::nullopt;
    return std::string(first);
}

Status save_state(const std::string& dir, std::string_view name, std::string_view text) {
    const std::string path = path_of(dir, name);
    const std::string draft = path + ".new";
    {
        const UniqueFd file(
            ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!file) return Error::from_errno("cannot write " + draft);
        if (Status status = write_all(file.get(), text, draft); !status) return status;
    }
    if (std::rename(draft.c_str(), path.c_str()) != 0) {
        return Error::from_errno("cannot write " + path);
    }
    return sync_folder(dir);
}

Result<std::string> load_state(const std::string& dir, std::string_view name) {
    const std::string path = path_of(dir, name);
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return Error::from_errno("cannot read " + path);

    std::string text;
    std::array<char, 16384> buffer;
    for (;;) {
        const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return Error::from_errno("cannot read " + path);
        if (got == 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

Status remove_state(const std::string& dir, std::string_view name) {
    const std::string path = path_of(dir, name);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return Error::from_errno("cannot remove " + path);
    return sync_folder(dir);
}

Status set_state_aside(const std::string& dir, std::string_view name) {
    const std::string path = path_of(dir, name);
    if (std::rename(path.c_str(), (path + ".bad").c_str()) != 0)
        return Error::from_errno("cannot rename " + path);
    return sync_folder(dir);
}

Status save_last_good(const std::string& dir, std::string_view text) {
    return save_state(dir, last_good, text);
}

Result<std::string> load_last_good(const std::string& dir) {
    return load_state(dir, last_good);
}

}  // namespace otto
