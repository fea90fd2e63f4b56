#include "sd/state.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "base/files.h"

namespace otto {
namespace {

constexpr std::string_view last_good = "last-good.json";
/// A configuration and the changes over it may each have 16 MiB.
constexpr std::size_t largest_state = std::size_t{64} * 1024 * 1024;

std::string path_of(const std::string& dir, std::string_view name) {
    return dir + "/" + std::string(name);
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
    return write_file_atomically(path_of(dir, name), text, {.mode = 0600});
}

Result<std::string> load_state(const std::string& dir, std::string_view name) {
    const std::string path = path_of(dir, name);
    auto text = read_regular_file(path, largest_state);
    if (text) return text;
    return Error{path + ": " + text.error().message, text.error().number};
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
