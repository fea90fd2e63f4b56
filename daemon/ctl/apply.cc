#include "ctl/apply.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/address.h"
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

Error write_error(const std::string& file) {
    Error error = Error::from_errno("cannot write " + file);
    if (error.number == EACCES || error.number == EPERM) error.message += "; use sudo";
    return error;
}

Status write_file(const std::string& file, const std::string& text, const struct stat* like) {
    const UniqueFd fd(
        ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!fd) return write_error(file);
    if (like != nullptr && (::fchown(fd.get(), like->st_uid, like->st_gid) != 0 ||
                            ::fchmod(fd.get(), like->st_mode & 07777) != 0))
        return write_error(file);
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t written = ::write(fd.get(), text.data() + done, text.size() - done);
        if (written < 0 && errno != EINTR) return write_error(file);
        if (written > 0) done += static_cast<std::size_t>(written);
    }
    if (::fsync(fd.get()) != 0) return write_error(file);
    return {};
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
    if (::stat(file.c_str(), &like) != 0) return write_error(file);
    const std::string draft = file + ".new";
    Status written = write_file(draft, text, &like);
    if (written && std::rename(draft.c_str(), file.c_str()) != 0) written = write_error(file);
    if (!written) {
        const Status why = written;
        ::unlink(draft.c_str());
        return why;
    }
    const std::string folder = file.substr(0, file.rfind('/') + 1);
    const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) return write_error(folder);
    return {};
}

Status open_port(const std::vector<ListenConfig>& port) {
    std::string text = "# Written by \"ottoctl apply\".\n[Socket]\nListenStream=\n";
    for (const ListenConfig& entry : port) {
        const auto address = Address::from_ip(entry.host, entry.port);
        text += fmt::format("ListenStream={}\n",
                            address ? address->text() : std::to_string(entry.port));
    }
    if (::mkdir(drop_in_folder, 0755) != 0 && errno != EEXIST) return write_error(drop_in_folder);
    const Status written = write_file(std::string(drop_in_folder) + "/port.conf", text, nullptr);
    if (!written) return written;
    const Status reloaded = run_systemctl({"daemon-reload"});
    if (!reloaded) return reloaded;
    return run_systemctl({"restart", "otto.socket"});
}

}  // namespace otto::ctl
