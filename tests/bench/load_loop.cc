#include "load_loop.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <netinet/tcp.h>

namespace bench {

using std::string_view;

namespace {

constexpr Nanoseconds patience = 10 * second;
constexpr std::size_t openings = 64;  // connections that are opened at once, with --idle

Nanoseconds now() {
    return read_clock(CLOCK_MONOTONIC);
}

}  // namespace

Nanoseconds read_clock(clockid_t clock) {
    timespec time{};
    if (clock_gettime(clock, &time) != 0) fail("a process whose CPU time was asked for is gone");
    return time.tv_sec * second + time.tv_nsec;
}

Load::Load(const Options& options)
    : options_(options),
      head_(request_head(options)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      connections_(options.connections) {}

void Load::run(double seconds) {
    latencies_.clear();
    begin_ = now();
    end_ = begin_ + static_cast<Nanoseconds>(seconds * second);
    due_count_ = 0;
    if (options_.rate == 0) {
        for (Connection& connection : connections_) send_request(connection, now());
    }
    while (send_what_is_due() || busy_ > 0) {
        if (!turn(next_due())) break;
    }
    finished_ = now();
}

void Load::hold() {
    begin_ = now();
    end_ = 0;  // nothing follows a reply
    std::size_t next = 0;
    while (next < connections_.size() || busy_ > 0) {
        for (; next < connections_.size() && busy_ < openings; ++next) {
            send_request(connections_[next], now());
        }
        if (!turn(std::nullopt)) break;
    }
    finished_ = now();
    fmt::print("idle\n");
    std::fflush(stdout);
    for (char c = 0; read(STDIN_FILENO, &c, 1) > 0;) {
    }
    std::array<epoll_event, 1> event{};
    while (epoll_wait(epoll_.get(), event.data(), 1, 0) > 0) handle(event[0]);
}

void Load::report(Nanoseconds cpu_time) {
    std::sort(latencies_.begin(), latencies_.end());
    const auto quantile = [this](double q) {
        if (latencies_.empty()) return 0.0;
        const auto at = static_cast<std::size_t>(q * static_cast<double>(latencies_.size()));
        return static_cast<double>(latencies_[std::min(at, latencies_.size() - 1)]) / 1000;
    };
    const double seconds = static_cast<double>(finished_ - begin_) / second;
    fmt::print(
        "{{\"requests\": {}, \"seconds\": {:.6f}, \"rate\": {:.1f}, \"cpu\": {:.6f}, "
        "\"client_cpu\": {:.6f}, \"p50\": {:.1f}, \"p99\": {:.1f}, \"p999\": {:.1f}, "
        "\"max\": {:.1f}, \"errors\": {{\"connect\": {}, \"status\": {}, "
        "\"length\": {}, \"short\": {}, \"closed\": {}, \"timeout\": {}}}}}\n",
        latencies_.size(), seconds, static_cast<double>(latencies_.size()) / seconds,
        static_cast<double>(cpu_time) / second,
        static_cast<double>(read_clock(CLOCK_PROCESS_CPUTIME_ID)) / second, quantile(0.5),
        quantile(0.99), quantile(0.999), quantile(1), errors_.connect, errors_.status,
        errors_.length, errors_.cut, errors_.closed, errors_.timeout);
}

bool Load::send_what_is_due() {
    if (options_.rate == 0) return false;
    const Nanoseconds time = now();
    while (due_time() <= time && due_time() < end_) {
        Connection* connection = nullptr;
        if (opened_ < connections_.size()) {
            connection = &connections_[opened_++];
        } else if (!free_.empty()) {
            connection = free_.front();
            free_.pop_front();
        } else {
            break;
        }
        send_request(*connection, due_time());
        ++due_count_;
    }
    return due_time() < end_;
}

Nanoseconds Load::due_time() const {
    return begin_ + static_cast<Nanoseconds>(static_cast<double>(due_count_) *
                                             (static_cast<double>(second) / options_.rate));
}

std::optional<Nanoseconds> Load::next_due() const {
    if (options_.rate == 0 || due_time() >= end_) return std::nullopt;
    if (opened_ == connections_.size() && free_.empty()) return std::nullopt;
    return due_time();
}

bool Load::turn(std::optional<Nanoseconds> wake) {
    const Nanoseconds wait = wake ? std::max<Nanoseconds>(*wake - now(), 0) : patience;
    const timespec timeout{wait / second, wait % second};
    std::array<epoll_event, 256> events{};
    const int count = epoll_pwait2(epoll_.get(), events.data(), events.size(), &timeout, nullptr);
    if (count < 0 && errno != EINTR) fail("epoll_pwait2");
    for (int i = 0; i < count; ++i) handle(events[static_cast<std::size_t>(i)]);
    if (count == 0 && !wake) {
        errors_.timeout += busy_;
        return false;
    }
    return true;
}

void Load::send_request(Connection& connection, Nanoseconds since) {
    connection.since = since;
    connection.sent = 0;
    connection.reply.reset();
    connection.phase = Phase::busy;
    ++busy_;
    if (!connection.fd && !open(connection)) return lose(connection, errors_.connect);
    push(connection);
}

bool Load::open(Connection& connection) {
    Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto* address = reinterpret_cast<const sockaddr*>(&options_.server);
    if (!fd || (connect(fd.get(), address, sizeof options_.server) != 0 && errno != EINPROGRESS)) {
        return false;
    }
    watch(epoll_.get(), fd.get(), &connection);
    connection.fd = std::move(fd);
    connection.sent_any = false;
    return true;
}

void Load::push(Connection& connection) {
    const std::uint64_t total = head_.size() + options_.upload;
    while (connection.sent < total) {
        ssize_t sent = 0;
        if (connection.sent < head_.size()) {
            sent = send_bytes(connection.fd.get(), string_view(head_).substr(connection.sent),
                              options_.upload != 0 ? MSG_MORE : 0);
        } else {
            sent = payload_.send(connection.fd.get(), connection.sent - head_.size(),
                                 total - connection.sent);
        }
        if (sent <= 0) return;
        connection.sent += static_cast<std::uint64_t>(sent);
        connection.sent_any = true;
    }
}

void Load::handle(const epoll_event& event) {
    auto& connection = *static_cast<Connection*>(event.data.ptr);
    if (connection.phase == Phase::busy && (event.events & EPOLLOUT) != 0) push(connection);
    if ((event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        pull(connection, (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
    }
}

void Load::pull(Connection& connection, bool ends) {
    while (connection.phase != Phase::shut) {
        const std::uint64_t plain = connection.reply.plain_bytes();
        const bool drop = plain >= scratch_.size();
        // MSG_TRUNC on TCP takes bytes out of the socket without copying them (tcp(7)).
        const std::size_t room = drop ? std::min<std::uint64_t>(plain, 1 << 24) : scratch_.size();
        const ssize_t got = recv(connection.fd.get(), scratch_.data(), room, drop ? MSG_TRUNC : 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) return on_end(connection);
        const auto count = static_cast<std::size_t>(got);
        if (connection.phase != Phase::busy) return lose(connection, errors_.length);
        if (drop) {
            connection.reply.dropped(count);
        } else if (connection.reply.take({scratch_.data(), count}) != count) {
            return lose(connection, errors_.length);  // more than one reply, or none at all
        }
        if (connection.reply.done()) on_reply(connection);
        if (!ends && count < room) return;
    }
}

void Load::on_end(Connection& connection) {
    switch (connection.phase) {
        case Phase::shut:
            return;
        case Phase::waiting:
            ++errors_.closed;
            return shut(connection);
        case Phase::busy:
            return lose(connection, connection.sent_any ? errors_.cut : errors_.connect);
        case Phase::ending:
            --busy_;
            shut(connection);
            return go_on(connection);
    }
}

void Load::on_reply(Connection& connection) {
    if (connection.reply.status() != 200) return lose(connection, errors_.status);
    if (connection.reply.body_length() != options_.expect) {
        return lose(connection, errors_.length);
    }
    if (connection.sent != head_.size() + options_.upload) return lose(connection, errors_.cut);
    if (connection.reply.closes() != options_.new_connections) {
        return lose(connection, errors_.closed);
    }
    latencies_.push_back(now() - connection.since);
    if (options_.new_connections) {
        connection.phase = Phase::ending;
        return;
    }
    connection.phase = Phase::waiting;
    --busy_;
    go_on(connection);
}

void Load::go_on(Connection& connection) {
    const Nanoseconds time = now();
    if (options_.rate != 0) {
        free_.push_back(&connection);
        send_what_is_due();
    } else if (time < end_) {
        send_request(connection, time);
    }
}

void Load::lose(Connection& connection, std::uint64_t& kind) {
    ++kind;
    --busy_;
    shut(connection);
}

void Load::shut(Connection& connection) {
    connection.fd = Fd();
    connection.phase = Phase::shut;
}

}  // namespace bench
