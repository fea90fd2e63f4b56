#include "control/reload_socket.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/time.h"
#include "control/listening.h"
#include "sd/state.h"

namespace otto::control {

namespace {

constexpr std::string_view socket_name = "/reload.sock";
constexpr std::string_view done = "ok";
/// Less than the TimeoutStartSec= that ends a reload (90 s), so that the reason is logged.
constexpr Duration patience = std::chrono::seconds(60);

void answer(int fd, std::string_view text) {
    const std::string line = fmt::format("{}\n", text);
    (void)::send(fd, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// The line that comes; the Error says why there is none.
Result<std::string> receive_line(int fd) {
    std::string line;
    const TimePoint deadline = now() + patience;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now()).count();
        pollfd polled{.fd = fd, .events = POLLIN, .revents = 0};
        const int ready = ::poll(&polled, 1, static_cast<int>(std::max<long long>(left, 0)));
        if (ready == 0)
            return Error{"a worker has not applied the configuration after 60s; the others have"};
        std::array<char, 4096> block;
        const ssize_t length = ready < 0 ? -1 : ::recv(fd, block.data(), block.size(), 0);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return Error::from_errno("cannot read the response");
        if (length == 0) return Error{"Otto stopped before it responded"};
        line.append(block.data(), static_cast<std::size_t>(length));
        if (line.ends_with('\n')) return line.substr(0, line.size() - 1);
    }
}

Status reload_and_wait() {
    const auto directory = state_directory();
    if (!directory)
        return Error{
            "STATE_DIRECTORY is not set, because the unit has no StateDirectory=; send SIGHUP to "
            "Otto instead"};
    const auto address = Address::from_path(*directory + std::string(socket_name));
    if (!address) return address.error();
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return Error::from_errno("cannot create a socket");
    if (::connect(fd.get(), address->get(), address->length()) != 0)
        return Error::from_errno(fmt::format("cannot reach Otto at {}", address->text()));
    const auto line = receive_line(fd.get());
    if (!line) return line.error();
    return *line == done ? Status() : Error{*line};
}

}  // namespace

Result<std::unique_ptr<ReloadSocket>> ReloadSocket::open(const Loop& loop,
                                                         const std::string& directory,
                                                         std::function<std::string()> on_request) {
    const std::string path = directory + std::string(socket_name);
    const auto address = Address::from_path(path);
    if (!address) return address.error();
    auto socket = Listening::bind_unix(*address);
    if (!socket) return socket.error();
    return std::unique_ptr<ReloadSocket>(
        new ReloadSocket(loop, path, std::move(*socket), std::move(on_request)));
}

ReloadSocket::ReloadSocket(const Loop& loop, std::string path, UniqueFd socket,
                           std::function<std::string()> on_request)
    : path_(std::move(path)),
      socket_(std::move(socket)),
      on_request_(std::move(on_request)),
      watch_(loop, socket_.get(), Watch::Interest::readable, [this](Readiness) { accept_one(); }) {}

ReloadSocket::~ReloadSocket() {
    ::unlink(path_.c_str());
}

void ReloadSocket::accept_one() {
    UniqueFd fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    if (waiting_.size() >= most_waiting) {
        answer(fd.get(), "too many reloads are already waiting for the workers");
        return;
    }
    const std::string failure = on_request_();
    if (failure.empty()) {
        waiting_.push_back(std::move(fd));
    } else {
        answer(fd.get(), failure);
    }
}

void ReloadSocket::applied() {
    for (const UniqueFd& fd : waiting_) answer(fd.get(), done);
    waiting_.clear();
}

int request_reload() {
    const Status reloaded = reload_and_wait();
    if (reloaded) return 0;
    fmt::print(stderr, "otto: not reloaded: {}\n", reloaded.error().message);
    return 1;
}

}  // namespace otto::control
