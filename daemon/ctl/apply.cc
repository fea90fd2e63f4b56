#include "ctl/apply.h"

#include <cerrno>
#include <cstdlib>
#include <memory>

#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/handle.h"
#include "config/load.h"
#include "config/overlay.h"

namespace otto::ctl {

namespace {

Result<std::string> real_path(const std::string& file) {
    const std::unique_ptr<char, Deleter<std::free>> path(::realpath(file.c_str(), nullptr));
    if (!path) return Error::from_errno("cannot open " + file);
    return std::string(path.get());
}

Status with_advice(Status status) {
    if (status) return status;
    Error error = status.error();
    if (error.number == EACCES || error.number == EPERM) error.message += "; use sudo";
    return error;
}

}  // namespace

Status write_file(const std::string& file, const std::string& text) {
    return with_advice(write_file_atomically(file, text, {.mode = 0644}));
}

Result<Folded> fold(const std::string& file, const Json& changes) {
    const auto path = real_path(file);
    if (!path) return path.error();
    const LoadedConfig before = load_config(*path);
    if (!before.ok())
        return Error{"the file itself has errors; correct it first: " +
                     before.problems.front().text()};
    const auto document = Json::parse(before.source);
    if (!document) return document.error();
    Folded folded;
    folded.file = *path;
    folded.text = lay_over(*document, changes).document.pretty();
    LoadedConfig after = parse_config(folded.text, *path + " with the changes");
    if (!after.ok())
        return Error{"the changes do not fit the file: " + after.problems.front().text()};
    folded.config = std::move(after.config);
    return folded;
}

Status replace(const std::string& file, const std::string& text) {
    struct stat like {};
    if (::lstat(file.c_str(), &like) != 0)
        return with_advice(Error::from_errno("cannot write " + file));
    if (!S_ISREG(like.st_mode)) return Error{file + " is not a regular file"};
    return with_advice(write_file_atomically(
        file, text, {.mode = like.st_mode & 0777, .user = like.st_uid, .group = like.st_gid}));
}

}  // namespace otto::ctl
