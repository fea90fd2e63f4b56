#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "control/listening.h"

namespace otto::control {

/// Whether systemd's sockets are what "port" says, and what to do when they are not. Owned by Otto;
/// control thread.
class PortReport {
  public:
    /// `unit` is Otto's own service, "" outside of systemd.
    PortReport(const Listening& listening, std::string unit)
        : listening_(listening), unit_(std::move(unit)) {}

    /// A UNIX socket of the admin API, which ottoctl uses.
    void set_admin_socket(std::string path) { admin_socket_ = std::move(path); }
    /// Compares, and logs a difference.
    void check(const std::vector<ListenConfig>& port);

    /// As of the last check(), for people; "": there is no difference.
    const std::string& difference() const { return difference_; }
    /// The commands that make systemd listen on "port"; "": there is no difference.
    const std::string& commands() const { return commands_; }

  private:
    std::string commands_for(const std::vector<ListenConfig>& port) const;

    const Listening& listening_;
    const std::string unit_;
    std::string admin_socket_;  // "": there is none
    std::string difference_;
    std::string commands_;
};

}  // namespace otto::control
