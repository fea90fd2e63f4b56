#include "otto_process.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace exchanges {

namespace {

Target target_of(const Fd& listener) {
    Target target;
    target.length = sizeof target.address;
    getsockname(listener.get(), reinterpret_cast<sockaddr*>(&target.address), &target.length);
    return target;
}

Fd listen_on(const sockaddr* address, socklen_t length) {
    Fd fd(socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || bind(fd.get(), address, length) != 0 || listen(fd.get(), SOMAXCONN) != 0)
        fail("cannot listen");
    return fd;
}

sockaddr_un place_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) fail("the path is too long: " + path);
    path.copy(address.sun_path, path.size());
    return address;
}

Fd listen_at(const std::string& path) {
    const sockaddr_un place = place_of(path);
    return listen_on(reinterpret_cast<const sockaddr*>(&place), sizeof place);
}

std::string read_file(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

OttoProcess::OttoProcess(const std::string& program, const std::string& folder,
                         std::string_view config)
    : folder_(folder) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    tcp_listener_ = listen_on(reinterpret_cast<const sockaddr*>(&address), sizeof address);
    unix_listener_ = listen_at(folder + "/clients");
    admin_listener_ = listen_at(admin_path());
    tcp_ = target_of(tcp_listener_);
    unix_ = target_of(unix_listener_);
    write_config(config);
    start(program);
}

OttoProcess::~OttoProcess() {
    if (!is_running()) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, &status_, 0);
}

void OttoProcess::start(const std::string& program) {
    const std::string config = folder_ + "/config.json";
    const std::string log = log_path();
    pid_ = fork();
    if (pid_ < 0) fail("fork");
    if (pid_ > 0) return;
    std::vector<int> copies;
    for (const Fd* each : {&tcp_listener_, &unix_listener_, &admin_listener_})
        copies.push_back(fcntl(each->get(), F_DUPFD, 100));
    const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(output, STDERR_FILENO);
    for (int place = 3; const int copy : copies) dup2(copy, place++);
    close_range(6, ~0U, 0);
    setenv("LISTEN_FDS", "3", 1);
    setenv("LISTEN_FDNAMES", "http:http:admin", 1);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    for (const char* name : {"JOURNAL_STREAM", "NOTIFY_SOCKET", "WATCHDOG_USEC"}) unsetenv(name);
    execl(program.c_str(), program.c_str(), "--config", config.c_str(), nullptr);
    _exit(127);
}

void OttoProcess::write_config(std::string_view text) const {
    const std::string path = folder_ + "/config.json";
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
}

void OttoProcess::reload(std::string_view config) const {
    write_config(config);
    if (pid_ > 0) kill(pid_, SIGHUP);
}

bool OttoProcess::is_running() {
    if (pid_ > 0 && waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
    return pid_ > 0;
}

std::string OttoProcess::stop(std::chrono::seconds patience) {
    if (pid_ > 0) {
        kill(pid_, SIGTERM);
        pollfd end{static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)), POLLIN, 0};
        poll(&end, 1, static_cast<int>(std::chrono::milliseconds(patience).count()));
        close(end.fd);
    }
    std::string wrong;
    if (is_running()) {
        wrong = "otto does not stop";
    } else if (!WIFEXITED(status_) || WEXITSTATUS(status_) != 0) {
        wrong = fmt::format("otto ended with the wait status {:#x}", status_);
    }
    const std::string log = read_file(log_path());
    for (const char* mark : {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
                             "WARNING: ThreadSanitizer", "runtime error:"}) {
        const auto at = log.find(mark);
        if (at != std::string::npos) wrong += "\n" + log.substr(at, 6000);
    }
    return wrong;
}

std::map<std::string, double> OttoProcess::metrics() const {
    std::map<std::string, double> sums;
    const Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un place = place_of(admin_path());
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0)
        return sums;
    bench::send_bytes(fd.get(),
                      "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    std::string reply;
    std::array<char, 16384> piece{};
    for (ssize_t got = 0; (got = recv(fd.get(), piece.data(), piece.size(), 0)) > 0;)
        reply.append(piece.data(), static_cast<std::size_t>(got));
    std::istringstream lines(reply);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("otto_")) continue;
        const std::string name = line.substr(0, line.find_first_of("{ "));
        sums[name] += std::strtod(&line[line.rfind(' ')], nullptr);
    }
    return sums;
}

std::map<std::string, std::size_t> OttoProcess::files() const {
    std::map<std::string, std::size_t> files;
    std::error_code error;
    for (const auto& entry :
         std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid_), error)) {
        const std::string shown = std::filesystem::read_symlink(entry.path(), error).string();
        if (!error) ++files[shown.substr(0, shown.find(":["))];
    }
    return files;
}

}  // namespace exchanges
