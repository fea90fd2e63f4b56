#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/handle.h"
#include "base/result.h"
#include "config/config.h"

namespace otto::control {

/// The sockets that clients connect to. Owned by the control thread; each worker gets duplicates.
class Listening {
  public:
    /// Takes over what systemd passed; may be empty.
    static Result<Listening> adopt();
    /// Binds all of `port`; all or nothing.
    static Result<Listening> bind(const std::vector<ListenConfig>& port);
    /// One for the admin API at `port`, as parse_local_listen() takes it.
    static Result<UniqueFd> bind_admin(const std::string& port);
    /// One that only Otto's own user, and root, may connect to. The remains of a UNIX socket that
    /// no process listens on are removed.
    static Result<UniqueFd> bind_unix(const Address& address);

    /// What a socket listens on.
    static Address address_of(int fd);

    bool empty() const { return sockets_.empty(); }
    bool from_systemd() const { return from_systemd_; }
    const std::vector<Address>& addresses() const { return addresses_; }
    /// The same, for people.
    std::vector<std::string> texts() const;
    Result<std::vector<UniqueFd>> duplicate() const;
    /// Those that systemd passed for the admin API.
    std::vector<UniqueFd> take_admin() { return std::move(admin_); }
    /// No socket is left in this process; systemd's stay open in systemd.
    void close() { sockets_.clear(); }

  private:
    void add(UniqueFd socket, Address address);

    bool from_systemd_ = false;
    std::vector<UniqueFd> sockets_;
    std::vector<Address> addresses_;
    std::vector<UniqueFd> admin_;
};

/// What to tell an operator whose `port` and sockets differ; `cure` are the commands that make
/// systemd open `port`.
std::string describe_difference(const std::vector<ListenConfig>& port,
                                const std::vector<std::string>& sockets, const std::string& cure);
/// describe_difference() for the otto.socket of the running systemd; "" when there is none, or it
/// agrees.
std::string difference_to_unit(const std::vector<ListenConfig>& port);
/// Commands for a shell that have the socket unit listen on `port`. There is no backslash in them:
/// systemd takes these out of STATUS=.
std::string drop_in_commands(const std::vector<ListenConfig>& port, const std::string& unit);

}  // namespace otto::control
