#include "ctl/apply.h"

#include <cerrno>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/address.h"
#include "base/files.h"
#include "base/handle.h"
#include "config/load.h"
#include "config/overlay.h"

namespace otto::ctl {

namespace {

constexpr const char* drop_in_folder = "/etc/systemd/system/otto.socket.d";

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

Status run_systemctl(std::vector<std::string> words) {
    words.insert(words.begin(), "systemctl");
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t child = 0;
    const int failed =
        ::posix_spawnp(&child, "systemctl", nullptr, nullptr, arguments.data(), environ);
    if (failed != 0) return Error::from_errno("cannot run systemctl", failed);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    return Error{fmt::format("systemctl {} failed", words[1])};
}

}  // namespace

Result<Folded> fold(const std::string& file, const Json& changes) {
    const auto path = real_path(file);
    if (!path) return path.error();
    const LoadedConfig before = load_config(*path);
    if (!before.ok())
        return Error{"the file itself has errors, mend it first: " +
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

Status open_port(const std::vector<ListenConfig>& port) {
    std::string text = "# Written by \"ottoctl apply\".\n[Socket]\nListenStream=\n";
    for (const ListenConfig& entry : port) {
        const auto address = Address::from_ip(entry.host, entry.port);
        text += fmt::format("ListenStream={}\n",
                            address ? address->text() : std::to_string(entry.port));
    }
    if (::mkdir(drop_in_folder, 0755) != 0 && errno != EEXIST)
        return with_advice(Error::from_errno(std::string("cannot write ") + drop_in_folder));
    const Status written = with_advice(
        write_file_atomically(std::string(drop_in_folder) + "/port.conf", text, {.mode = 0644}));
    if (!written) return written;
    const Status reloaded = run_systemctl({"daemon-reload"});
    if (!reloaded) return reloaded;
    return run_systemctl({"restart", "otto.socket"});
}

}  // namespace otto::ctl
