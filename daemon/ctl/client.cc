#include "ctl/client.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "config/locator.h"

namespace otto::ctl {

namespace {

constexpr std::size_t largest_reply = 64 * 1024 * 1024;

/// False when the time is over.
bool wait_for(int fd, short events, TimePoint deadline) {
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - otto::now()).count();
        if (left <= 0) return false;
        pollfd poll{.fd = fd, .events = events, .revents = 0};
        const int ready = ::poll(&poll, 1, static_cast<int>(std::min<long long>(left, 60'000)));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

Status send_all(int fd, std::string_view bytes, TimePoint deadline) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno != EAGAIN && errno != EINTR) {
            return Error::from_errno("cannot send the request");
        } else if (!wait_for(fd, POLLOUT, deadline)) {
            return Error{"Otto does not take the request"};
        }
    }
    return {};
}

/// Up to the end of the connection.
Result<std::string> receive(int fd, TimePoint deadline) {
    std::string all;
    std::array<char, 16 * 1024> block;
    for (;;) {
        const ssize_t length = ::recv(fd, block.data(), block.size(), MSG_DONTWAIT);
        if (length == 0) return all;
        if (length > 0) {
            all.append(block.data(), static_cast<std::size_t>(length));
            if (all.size() > largest_reply) return Error{"the answer does not end"};
        } else if (errno != EAGAIN && errno != EINTR) {
            return Error::from_errno("cannot read the answer");
        } else if (!wait_for(fd, POLLIN, deadline)) {
            return Error{"Otto does not answer in time"};
        }
    }
}

Result<Reply> parse(const std::string& all) {
    constexpr std::string_view version = "HTTP/1.1 ";
    const auto end = all.find("\r\n\r\n");
    Reply reply;
    if (end == std::string::npos || !all.starts_with(version) ||
        std::from_chars(all.data() + version.size(), all.data() + end, reply.status).ec !=
            std::errc())
        return Error{all.empty() ? "Otto closed the connection without an answer"
                                 : "this is not the answer of an Otto"};
    constexpr std::string_view tag_field = "\r\nETag: ";
    const auto tag = all.find(tag_field);
    if (tag < end)
        reply.tag =
            all.substr(tag + tag_field.size(), all.find('\r', tag + 2) - tag - tag_field.size());
    reply.text = all.substr(end + 4);
    if (auto json = Json::parse(reply.text)) reply.body = *std::move(json);
    return reply;
}

}  // namespace

std::string Reply::problem() const {
    const std::string_view detail = body.text_of("detail");
    if (!detail.empty()) return std::string(detail);
    return fmt::format("Otto answered with status {}", status);
}

Client::Client(std::string place, std::string token)
    : place_(std::move(place)), token_(std::move(token)) {}

std::string Client::hint(int number) const {
    if (number == EACCES || number == EPERM)
        return "; use sudo, or join the group otto-admin: adduser USER otto-admin, then log in "
               "again";
    if (number == ENOENT || number == ECONNREFUSED)
        return "; is the admin API enabled? systemctl enable --now otto-admin.socket, then "
               "systemctl restart otto.service";
    return "";
}

Result<UniqueFd> Client::connect() const {
    auto address = Address::from_path(place_);
    if (!place_.starts_with('/') && !place_.starts_with('@') && !place_.starts_with('.')) {
        const auto listen = parse_listen(place_);
        if (!listen) return Error{fmt::format("\"{}\" is neither a path nor HOST:PORT", place_)};
        address = Address::from_ip(listen->host.empty() ? "127.0.0.1" : listen->host, listen->port);
    }
    if (!address) return address.error();
    UniqueFd fd(::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return Error::from_errno("cannot create a socket");
    if (::connect(fd.get(), address->get(), address->length()) != 0) {
        Error error = Error::from_errno(fmt::format("cannot reach Otto at {}", place_));
        error.message += hint(error.number);
        return error;
    }
    return fd;
}

Result<Reply> Client::call(std::string_view method, std::string_view target, std::string_view body,
                           Duration patience, std::string_view tag) const {
    const TimePoint deadline = otto::now() + patience;
    const auto fd = connect();
    if (!fd) return fd.error();
    std::string request = fmt::format(
        "{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n", method,
        target, body.size());
    if (!token_.empty()) request += fmt::format("Authorization: Bearer {}\r\n", token_);
    if (!tag.empty()) request += fmt::format("If-Match: {}\r\n", tag);
    request += "\r\n";
    request += body;
    const Status sent = send_all(fd->get(), request, deadline);
    if (!sent) return sent.error();
    const auto all = receive(fd->get(), deadline);
    if (!all) return all.error();
    return parse(*all);
}

std::string encode(std::string_view text) {
    constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    std::string encoded;
    for (const char byte : text) {
        if (plain.find(byte) != std::string_view::npos) {
            encoded += byte;
        } else {
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(byte));
        }
    }
    return encoded;
}

}  // namespace otto::ctl
