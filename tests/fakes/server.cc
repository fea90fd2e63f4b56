#include "fakes/server.h"

#include <cerrno>
#include <cstdlib>

#include <sys/socket.h>
#include <unistd.h>

namespace otto::fakes {

Server::Server(int backlog) {
    char folder[] = "/tmp/otto-server-XXXXXX";
    folder_ = ::mkdtemp(folder);
    address_ = *Address::from_path(folder_ + "/socket");
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::bind(listener_.get(), address_.get(), address_.length());
    ::listen(listener_.get(), backlog);
}

Server::~Server() {
    ::unlink((folder_ + "/socket").c_str());
    ::rmdir(folder_.c_str());
}

std::size_t Server::accept() {
    while (listener_) {
        UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd) break;
        connections_.push_back({.fd = std::move(fd)});
    }
    return connections_.size();
}

std::string Server::hear(std::size_t connection) {
    Connection& from = connections_[connection];
    std::string all;
    char block[4096];
    for (;;) {
        const ssize_t length = ::recv(from.fd.get(), block, sizeof block, 0);
        if (length > 0) {
            all.append(block, static_cast<std::size_t>(length));
            continue;
        }
        from.ended = from.ended || length == 0 || errno != EAGAIN;
        return all;
    }
}

bool Server::closed(std::size_t connection) {
    hear(connection);
    return connections_[connection].ended;
}

void Server::say(std::string_view text, std::size_t connection) {
    ::send(connections_[connection].fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

void Server::fill_backlog() {
    for (;;) {
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (::connect(fd.get(), address_.get(), address_.length()) != 0) return;
        fillers_.push_back(std::move(fd));
    }
}

}  // namespace otto::fakes
