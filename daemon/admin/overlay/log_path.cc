#include "admin/overlay/log_path.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/handle.h"

namespace otto::admin {

namespace {

constexpr std::string_view log_folder = "/var/log/otto";

std::string folder_of(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

bool same_file(const struct stat& one, const char* other) {
    struct stat status {};
    return ::stat(other, &status) == 0 && status.st_dev == one.st_dev &&
           status.st_ino == one.st_ino;
}

/// Whether the open folder is `other`, or below it.
bool is_within(int folder, const std::string& other) {
    UniqueFd at(::fcntl(folder, F_DUPFD_CLOEXEC, 3));
    struct stat before {};
    while (at) {
        struct stat status {};
        if (::fstat(at.get(), &status) != 0 || same_file(status, other.c_str())) return true;
        if (before.st_ino == status.st_ino && before.st_dev == status.st_dev) return false;
        before = status;  // the root is its own parent
        at.reset(::openat(at.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    return false;
}

}  // namespace

std::optional<std::string> refuse_log_path(const std::string& path, const LogPlaces& places) {
    const std::string folder = folder_of(path);
    const std::string name = path.substr(folder.size() + 1);
    const bool beside =
        places.configured.starts_with('/') && folder == folder_of(places.configured);
    if ((!beside && folder != log_folder) || name.empty() || name == "." || name == "..") {
        std::string allowed(log_folder);
        if (places.configured.starts_with('/')) allowed += " or " + folder_of(places.configured);
        return fmt::format(
            "a path set at run time must be a file in {}; other paths can be set in the "
            "configuration file",
            allowed);
    }
    const UniqueFd opened(::open((folder + "/").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!opened) return fmt::format("{}: {}", folder, std::strerror(errno));
    if (places.state_directory && is_within(opened.get(), *places.state_directory))
        return "the state directory is not for logs";
    struct stat status {};
    if (::fstatat(opened.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return std::nullopt;
        return fmt::format("{}: {}", path, std::strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) return "this path exists and is not a regular file";
    if (status.st_uid != ::geteuid()) return "this file exists and belongs to another user";
    if (status.st_nlink > 1) return "this file exists and has other names as well";
    if (same_file(status, places.config_file.c_str())) return "this is the configuration file";
    return std::nullopt;
}

}  // namespace otto::admin
