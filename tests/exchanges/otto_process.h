#pragma once

#include <map>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "client.h"
#include "loop.h"

namespace exchanges {

/// The real otto, with the sockets that it would get from systemd: TCP and UNIX for clients, UNIX
/// for the admin API. All files are in `folder`.
class OttoProcess {
  public:
    OttoProcess(const std::string& program, const std::string& folder, std::string_view config);
    ~OttoProcess();
    OttoProcess(const OttoProcess&) = delete;
    OttoProcess& operator=(const OttoProcess&) = delete;

    const Target& tcp() const { return tcp_; }
    const Target& unix_socket() const { return unix_; }
    std::string admin_path() const { return folder_ + "/admin"; }
    std::string log_path() const { return folder_ + "/log"; }

    void write_config(std::string_view text) const;
    void reload(std::string_view config) const;
    bool is_running();
    /// Stops it. What is wrong with how it ended, or "": its status, and what sanitizers said.
    std::string stop(std::chrono::seconds patience);

    /// Sums of all metrics by name, without labels; empty when there is no answer.
    std::map<std::string, double> metrics() const;
    /// How many open files there are of each kind: "socket", "pipe", or what /proc shows.
    std::map<std::string, std::size_t> files() const;

  private:
    void start(const std::string& program);

    std::string folder_;
    Fd tcp_listener_, unix_listener_, admin_listener_;
    Target tcp_, unix_;
    pid_t pid_ = -1;
    int status_ = -1;
};

}  // namespace exchanges
