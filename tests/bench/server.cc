// The server that the benchmark's proxies balance over: it costs so little that the proxy stays
// the bottleneck, where an evhttp server would take as much time as a request does in the proxy.
//
//   bench_server --port N | --unix PATH [--address 127.0.0.1]
//
// It says "ready PORT" (or "ready PATH") on stdout once it listens; SIGTERM ends it. One thread.
//
//   /bytes/N   N bytes with a Content-Length, to any method; what was uploaded is counted only
//   /echo      the request's head as it came
//   else       404
#include <array>
#include <charconv>
#include <csignal>
#include <memory>
#include <unordered_map>
#include <vector>

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include "message_reader.h"
#include "sockets.h"

namespace {

using bench::fail;
using bench::Fd;
using bench::MessageReader;
using std::string_view;

constexpr std::uint64_t small = 16384;  // bodies that go out with their head in one piece

struct Connection {
    Fd fd;
    MessageReader request;
    std::string unsent;        // of heads, and of small bodies with them
    std::uint64_t sent = 0;    // of the large body
    std::uint64_t length = 0;  // of the large body
};

class Server {
  public:
    Server(Fd listener, bool tcp)
        : listener_(std::move(listener)), epoll_(epoll_create1(EPOLL_CLOEXEC)), tcp_(tcp) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = nullptr;
        epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), &event);
    }

    [[noreturn]] void run() {
        std::array<epoll_event, 256> events{};
        while (true) {
            const int count = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
            for (int i = 0; i < count; ++i) {
                if (events[i].data.ptr == nullptr) {
                    accept_all();
                    continue;
                }
                auto& connection = *static_cast<Connection*>(events[i].data.ptr);
                const bool ends = (events[i].events & EPOLLRDHUP) != 0;
                if (!serve(connection, ends)) connections_.erase(connection.fd.get());
            }
        }
    }

  private:
    void accept_all() {
        while (true) {
            Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (!fd) return;
            const int number = fd.get();
            auto connection = std::make_unique<Connection>();
            connection->fd = std::move(fd);
            connection->request.keep_head(true);
            bench::watch(epoll_.get(), number, connection.get());
            connections_[number] = std::move(connection);
        }
    }

    /// Whether the connection lives on. `ends`: a FIN is there, which has no event of its own if it
    /// came with bytes.
    bool serve(Connection& connection, bool ends) {
        if (!flush(connection)) return false;
        while (connection.unsent.empty() && connection.sent == connection.length) {
            const std::uint64_t plain = connection.request.plain_bytes();
            const bool drop = plain >= scratch_.size();
            // MSG_TRUNC on TCP takes bytes out of the socket without copying them (tcp(7)).
            const std::size_t room =
                drop ? std::min<std::uint64_t>(plain, 1 << 24) : scratch_.size();
            const ssize_t got =
                recv(connection.fd.get(), scratch_.data(), room, drop && tcp_ ? MSG_TRUNC : 0);
            if (got == 0) return false;
            if (got < 0) return errno == EAGAIN || errno == EINTR;
            if (drop && tcp_) {
                connection.request.dropped(static_cast<std::uint64_t>(got));
                if (connection.request.done() && !reply(connection)) return false;
            } else if (!take(connection, {scratch_.data(), static_cast<std::size_t>(got)})) {
                return false;
            }
            if (!ends && static_cast<std::size_t>(got) < room) return true;
        }
        return true;
    }

    bool take(Connection& connection, string_view bytes) {
        while (!bytes.empty()) {
            bytes.remove_prefix(connection.request.take(bytes));
            if (connection.request.state() == MessageReader::State::broken) return false;
            // Proxies do not pipeline; one that did would be cut off, and noticed.
            if (connection.request.done() && (!bytes.empty() || !reply(connection))) return false;
        }
        return true;
    }

    bool reply(Connection& connection) {
        const string_view target = connection.request.target();
        const auto path = target.substr(std::min(target.size(), target.find(' ') + 1));
        connection.sent = connection.length = 0;
        if (path.starts_with("/bytes/")) {
            std::uint64_t size = 0;
            std::from_chars(path.data() + 7, path.data() + path.size(), size);
            add_head(connection.unsent, "200 OK", size);
            if (size <= small) {
                connection.unsent.append(size, 'x');
            } else {
                connection.length = size;
            }
        } else if (path == "/echo") {
            add_head(connection.unsent, "200 OK", connection.request.head().size());
            connection.unsent += connection.request.head();
        } else {
            add_head(connection.unsent, "404 Not Found", 0);
        }
        connection.request.reset();
        return flush(connection);
    }

    static void add_head(std::string& out, string_view status, std::uint64_t length) {
        fmt::format_to(std::back_inserter(out),
                       "HTTP/1.1 {}\r\nServer: bench\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                       "Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
                       status, length);
    }

    bool flush(Connection& connection) {
        if (!connection.unsent.empty()) {
            const bool more = connection.sent < connection.length;
            const ssize_t sent =
                bench::send_bytes(connection.fd.get(), connection.unsent, more ? MSG_MORE : 0);
            if (sent < 0) return sent == -EAGAIN;
            connection.unsent.erase(0, static_cast<std::size_t>(sent));
            if (!connection.unsent.empty()) return true;
        }
        while (connection.sent < connection.length) {
            const ssize_t sent = payload_.send(connection.fd.get(), connection.sent,
                                               connection.length - connection.sent);
            if (sent < 0) return sent == -EAGAIN;
            connection.sent += static_cast<std::uint64_t>(sent);
        }
        return true;
    }

    Fd listener_;
    Fd epoll_;
    bool tcp_;
    bench::Payload payload_;
    std::vector<char> scratch_ = std::vector<char>(std::size_t{1} << 16);
    std::unordered_map<int, std::unique_ptr<Connection>> connections_;
};

Fd listen_on(const sockaddr* address, socklen_t length) {
    Fd fd(socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (address->sa_family == AF_INET) {
        setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // inherited by accept
    }
    if (!fd || bind(fd.get(), address, length) != 0 || listen(fd.get(), SOMAXCONN) != 0) {
        fail(fmt::format("cannot listen: {}", std::strerror(errno)));
    }
    return fd;
}

}  // namespace

int main(int argc, char** argv) {
    static const option known[] = {{"port", required_argument, nullptr, 'p'},
                                   {"unix", required_argument, nullptr, 'u'},
                                   {"address", required_argument, nullptr, 'a'},
                                   {nullptr, 0, nullptr, 0}};
    std::string path;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int found = 0; (found = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
        switch (found) {
            case 'p':
                address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(optarg)));
                break;
            case 'u':
                path = optarg;
                break;
            case 'a':
                if (inet_pton(AF_INET, optarg, &address.sin_addr) != 1) fail("a wrong address");
                break;
            default:
                return 64;
        }
    }
    Fd listener;
    if (path.empty()) {
        listener = listen_on(reinterpret_cast<const sockaddr*>(&address), sizeof address);
        socklen_t length = sizeof address;
        getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
        fmt::print("ready {}\n", ntohs(address.sin_port));
    } else {
        sockaddr_un place{};
        place.sun_family = AF_UNIX;
        if (path.size() >= sizeof place.sun_path) fail("the path is too long");
        path.copy(place.sun_path, path.size());
        unlink(path.c_str());
        listener = listen_on(reinterpret_cast<const sockaddr*>(&place), sizeof place);
        fmt::print("ready {}\n", path);
    }
    std::fflush(stdout);
    Server server(std::move(listener), path.empty());
    server.run();
}
