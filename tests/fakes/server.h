#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/handle.h"

namespace otto::fakes {

/// A server on a UNIX socket that does what a test says, and nothing by itself. Connections are
/// numbered in the order in which they were accepted.
class Server {
  public:
    /// `backlog`: as for listen(2).
    explicit Server(int backlog = 64);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    const Address& address() const { return address_; }

    /// Accepts all that wait. How many connections there were so far.
    std::size_t accept();
    /// What has come on the connection since the last call.
    std::string hear(std::size_t connection = 0);
    /// Whether Otto has closed the connection.
    bool closed(std::size_t connection = 0);
    void say(std::string_view text, std::size_t connection = 0);
    /// Closes it; by a reset if something has come that was not heard.
    void end(std::size_t connection = 0) { connections_[connection].fd.reset(); }
    /// Listens no more: connections are refused.
    void stop() { listener_.reset(); }
    /// Connects to itself without accepting, which fills the backlog.
    void fill_backlog();

  private:
    struct Connection {
        UniqueFd fd;
        bool ended = false;
    };

    std::string folder_;
    Address address_;
    UniqueFd listener_;
    std::vector<Connection> connections_;
    std::vector<UniqueFd> fillers_;
};

}  // namespace otto::fakes
