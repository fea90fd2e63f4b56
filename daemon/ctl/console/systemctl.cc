#include "ctl/console/systemctl.h"

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/handle.h"
#include "config/json.h"
#include "ctl/console/client.h"

namespace otto::ctl {

namespace {

/// File actions of a child, which are freed.
class FileActions {
  public:
    FileActions() { ::posix_spawn_file_actions_init(&actions_); }
    ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;
    posix_spawn_file_actions_t* get() { return &actions_; }

  private:
    posix_spawn_file_actions_t actions_;
};

Result<pid_t> spawn(std::vector<std::string> words, posix_spawn_file_actions_t* actions) {
    words.insert(words.begin(), "systemctl");
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t child = 0;
    const int failed =
        ::posix_spawnp(&child, "systemctl", actions, nullptr, arguments.data(), environ);
    if (failed != 0) return Error::from_errno("cannot run systemctl", failed);
    return child;
}

bool succeeds(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

/// A socket unit, and the service that it starts.
struct SocketUnit {
    std::string socket;
    std::string service;
};

/// The one that listens on the path or address `place`.
std::optional<SocketUnit> unit_at(const std::string& place) {
    const auto listed =
        Json::parse(systemctl_output({"list-sockets", "--all", "--full", "--output=json"}));
    if (!listed || listed->kind != Json::Kind::list) return std::nullopt;
    for (const Json& each : listed->children)
        if (each.text_of("listen") == place)
            return SocketUnit{std::string(each.text_of("unit")),
                              std::string(each.text_of("activates"))};
    return std::nullopt;
}

bool is_active(const std::string& unit) {
    return unit_property(unit, "ActiveState") == "active";
}

}  // namespace

bool is_booted() {
    return ::access("/run/systemd/system", F_OK) == 0;
}

Status systemctl(std::vector<std::string> words) {
    const std::string first = words.front();
    const auto child = spawn(std::move(words), nullptr);
    if (!child) return child.error();
    return succeeds(*child) ? Status() : Error{fmt::format("systemctl {} failed", first)};
}

std::string systemctl_output(std::vector<std::string> words) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return "";
    const UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    FileActions actions;
    ::posix_spawn_file_actions_adddup2(actions.get(), writing.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(actions.get(), STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    const auto child = spawn(std::move(words), actions.get());
    if (!child) return "";
    writing.reset();
    std::string text;
    std::array<char, 4096> block;
    for (;;) {
        const ssize_t length = ::read(reading.get(), block.data(), block.size());
        if (length < 0 && errno == EINTR) continue;
        if (length <= 0) break;
        text.append(block.data(), static_cast<std::size_t>(length));
    }
    (void)succeeds(*child);
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

std::string unit_property(const std::string& unit, const std::string& property) {
    return systemctl_output({"show", "-P", property, "--", unit});
}

std::string socket_unit_of(const std::string& service) {
    std::string found;
    const std::string same_name = service.substr(0, service.rfind('.')) + ".socket";
    for (const std::string& unit : words_of(unit_property(service, "TriggeredBy"))) {
        if (unit == same_name) return unit;
        if (found.empty() && unit_property(unit, "FileDescriptorName") != "admin") found = unit;
    }
    return found;
}

std::string why_unreachable(const std::string& place) {
    if (!is_booted()) return "is Otto running, with admin.port in its configuration?";
    auto at = unit_at(place);
    if (!at && place != default_place)
        return "no socket unit of systemd listens there: is Otto running?";
    if (!at) at = SocketUnit{"otto-admin.socket", "otto.service"};
    if (unit_property(at->service, "LoadState") == "not-found")
        return fmt::format("systemd has no unit {}", at->service);
    const std::string socket = socket_unit_of(at->service);
    const std::string cure =
        fmt::format("systemctl start {}", socket.empty() ? at->service : socket);
    const bool disabled = unit_property(at->socket, "UnitFileState") == "disabled";
    if (!is_active(at->service) && !is_active(socket)) {
        std::string text = fmt::format("Otto is stopped; to start it: {}", cure);
        if (disabled)
            text += fmt::format("; its admin API is disabled, to enable it: systemctl enable {}",
                                at->socket);
        return text;
    }
    return fmt::format(
        "Otto's admin API is {}; to open it: systemctl enable {} && systemctl restart {}",
        disabled ? "disabled" : "stopped", at->socket, socket.empty() ? at->service : socket);
}

}  // namespace otto::ctl
