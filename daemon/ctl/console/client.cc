#include "ctl/console/client.h"

#include <algorithm>
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
#include "ctl/console/systemctl.h"

namespace otto::ctl {

namespace {

constexpr std::size_t largest_reply = 64 * 1024 * 1024;
constexpr std::size_t largest_head = 64 * 1024;
constexpr std::size_t most_values = 2'000'000;  // 10,000 servers with their members
constexpr std::string_view end_of_head = "\r\n\r\n";
constexpr std::string_view not_otto = "the response does not come from Otto";

Status send_all(int fd, std::string_view bytes, Wait& wait) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno != EAGAIN && errno != EINTR) {
            return Error::from_errno("cannot send the request");
        } else if (Status ready = wait.until(fd, POLLOUT); !ready) {
            return ready;
        }
    }
    return {};
}

/// False at the end of the connection.
Result<bool> receive_some(int fd, std::string& all, Wait& wait) {
    std::array<char, 16 * 1024> block;
    for (;;) {
        const ssize_t length = ::recv(fd, block.data(), block.size(), MSG_DONTWAIT);
        if (length == 0) return false;
        if (length > 0) {
            all.append(block.data(), static_cast<std::size_t>(length));
            if (all.size() > largest_reply) return Error{"the response is too large"};
            return true;
        }
        if (errno != EAGAIN && errno != EINTR) return Error::from_errno("cannot read the response");
        const Status ready = wait.until(fd, POLLIN);
        if (!ready) return ready.error();
    }
}

Status receive_all(int fd, std::string& all, Wait& wait) {
    for (;;) {
        const auto more = receive_some(fd, all, wait);
        if (!more) return more.error();
        if (!*more) return {};
    }
}

/// The field `name` of the head that ends at `end`, as Otto writes it; "" when there is none.
std::string field(const std::string& all, std::size_t end, std::string_view name) {
    const std::string before = fmt::format("\r\n{}: ", name);
    const auto begin = all.find(before);
    if (begin >= end) return "";
    const auto value = begin + before.size();
    return all.substr(value, all.find('\r', value) - value);
}

/// The head alone.
Result<Reply> parse_head(const std::string& all) {
    constexpr std::string_view version = "HTTP/1.x ";
    const auto end = all.find(end_of_head);
    Reply reply;
    if (end == std::string::npos || end < version.size() || !all.starts_with("HTTP/1.") ||
        std::from_chars(all.data() + version.size(), all.data() + end, reply.status).ec !=
            std::errc())
        return Error{all.empty() ? "Otto closed the connection without a response"
                                 : std::string(not_otto)};
    reply.tag = field(all, end, "ETag");
    reply.type = field(all, end, "Content-Type");
    return reply;
}

Result<Reply> parse(const std::string& all, std::string_view method) {
    auto reply = parse_head(all);
    if (!reply) return reply;
    reply->text = all.substr(all.find(end_of_head) + end_of_head.size());
    if (auto json = Json::parse(reply->text, most_values)) reply->body = *std::move(json);
    // All that Otto says is an object, errors are as well; of what is gone it says nothing.
    if (!reply->body.is_object() && (reply->status != 204 || method != "DELETE"))
        return Error{fmt::format("{}: status {} without a JSON object", not_otto, reply->status)};
    return reply;
}

bool is_path(const std::string& place) {
    return place.find(':') == std::string::npos || place.find('/') != std::string::npos ||
           place.starts_with('@');
}

/// Where `place` is; the Error names it.
Result<Address> parse_place(const std::string& place) {
    if (is_path(place)) return Address::from_path(place);
    const auto wrong = [&place](std::string_view why) {
        return Error{fmt::format("\"{}\" is neither a path nor ADDRESS:PORT: {}", place, why)};
    };
    const auto authority = parse_authority(place, true);
    if (!authority) return wrong(authority.error().message);
    if (!authority->port) return wrong("the port is missing");
    const bool here = authority->host.empty() || authority->host == "localhost";
    if (!here && !authority->literal)
        return wrong(fmt::format("a name is not allowed; use an address such as 127.0.0.1:{}",
                                 *authority->port));
    return Address::from_ip(here ? "127.0.0.1" : authority->host, *authority->port);
}

}  // namespace

std::string Reply::problem() const {
    const std::string_view detail = body.text_of("detail");
    if (!detail.empty()) return std::string(detail);
    return fmt::format("Otto responded with status {}", status);
}

Client::Client(std::string place, std::string token)
    : place_(std::move(place)), token_(std::move(token)) {}

bool Client::is_local() const {
    return is_path(place_);
}

std::string Client::hint(int number) const {
    if (number == EACCES || number == EPERM)
        return "; use sudo, or join the group otto-admin: adduser USER otto-admin, "
               "then log in "
               "again";
    if (number == ENOENT || number == ECONNREFUSED) return "; " + why_unreachable(place_);
    return "";
}

std::string Client::authorization() const {
    return token_.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", token_);
}

Result<UniqueFd> Client::connect() const {
    const auto address = parse_place(place_);
    if (!address) return address.error();
    UniqueFd fd(::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return Error::from_errno("cannot create a socket");
    // A backlog that is full makes connect(2) wait: not for ever.
    const timeval most = to_timeval(std::chrono::seconds(10));
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
    if (::connect(fd.get(), address->get(), address->length()) != 0) {
        Error error = Error::from_errno(fmt::format("cannot reach Otto at {}", place_));
        error.message += hint(error.number);
        return error;
    }
    return fd;
}

Result<Reply> Client::call(const Request& request, const Patience& patience) const {
    Wait wait(patience);
    const auto fd = connect();
    if (!fd) return fd.error();
    std::string head = fmt::format(
        "{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: "
        "close\r\nContent-Length: {}\r\n",
        request.method, request.target, request.body.size());
    head += authorization();
    if (!request.tag.empty()) head += fmt::format("If-Match: {}\r\n", request.tag);
    const Status sent = send_all(fd->get(), head + "\r\n" + request.body, wait);
    if (!sent) return sent.error();
    std::string all;
    const Status received = receive_all(fd->get(), all, wait);
    if (!received) return received.error();
    return parse(all, request.method);
}

Result<Stream> Client::follow(const std::string& last, const Patience& patience) const {
    Wait wait(patience);
    auto fd = connect();
    if (!fd) return fd.error();
    // Of HTTP/1.0, so that the body comes as it is, without chunks (RFC 9112 §6.1).
    std::string head =
        "GET /api/v1/events HTTP/1.0\r\nHost: localhost\r\n"
        "Accept: text/event-stream\r\n" +
        authorization();
    if (!last.empty()) head += fmt::format("Last-Event-ID: {}\r\n", last);
    const Status sent = send_all(fd->get(), head + "\r\n", wait);
    if (!sent) return sent.error();
    std::string all;
    while (all.find(end_of_head) == std::string::npos && all.size() < largest_head) {
        const auto more = receive_some(fd->get(), all, wait);
        if (!more) return more.error();
        if (!*more) break;
    }
    auto reply = parse_head(all);
    if (!reply) return reply.error();
    if (reply->ok() && !reply->type.starts_with("text/event-stream"))
        return Error{fmt::format("{}: not an event stream", not_otto)};
    if (reply->ok())
        return Stream{.reply = *std::move(reply),
                      .fd = *std::move(fd),
                      .begun = all.substr(all.find(end_of_head) + end_of_head.size())};
    const Status received = receive_all(fd->get(), all, wait);
    if (!received) return received.error();
    reply = parse(all, "GET");
    if (!reply) return reply.error();
    return Stream{.reply = *std::move(reply), .fd = UniqueFd{}, .begun = ""};
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
