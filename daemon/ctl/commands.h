#pragma once

#include <optional>
#include <string>

#include "config/json.h"
#include "ctl/client.h"
#include "ctl/output.h"

namespace otto::ctl {

/// What ottoctl exits with; ottoctl(1) has the list.
enum class Exit {
    ok = 0,
    refused = 1,      // Otto said no, or something failed
    unreachable = 3,  // no Otto, or not allowed to ask it
    unknown_server = 4,
    not_drained = 5,  // in the time given
    usage = 64,
    bad_config = 78
};

struct ServerOptions {
    std::string id;  // or the URL of a new one
    std::string name;
    std::optional<unsigned> weight;
    std::optional<unsigned> max_connections;
    bool backup = false;
    bool force = false;
    bool wait = false;
    std::string timeout = "60s";
};

/// The commands of ottoctl: each asks Otto, prints what it says, and gives the exit status. Results
/// go to stdout, complaints to stderr.
class Commands {
  public:
    /// `json`: print what Otto answers as it is.
    Commands(Client client, bool json) : client_(std::move(client)), json_(json) {}

    Exit status() const;
    Exit servers() const;
    Exit add(const ServerOptions& options) const;
    Exit remove(const ServerOptions& options) const;
    Exit drain(const ServerOptions& options) const;
    Exit enable(const ServerOptions& options) const;
    Exit disable(const ServerOptions& options) const;
    Exit weight(const ServerOptions& options) const;
    Exit reload() const;
    Exit check(const std::string& file) const;
    Exit diff() const;
    Exit reset(bool force) const;
    Exit apply(const std::string& file) const;
    Exit token() const;

  private:
    /// Asks, and complains when that fails: then there is no reply, but an exit status.
    struct Asked {
        std::optional<Reply> reply;
        Exit exit = Exit::ok;
    };
    Asked ask(std::string_view method, const std::string& target, std::string_view body = "",
              Duration patience = std::chrono::seconds(30), std::string_view tag = "") const;
    Exit refused(const Reply& reply) const;
    Exit complain(Exit exit, const std::string& message) const;
    Exit say(const Reply& reply, const std::string& text) const;
    /// Changes one server, and may wait for it to be drained.
    Exit change(const ServerOptions& options, std::string_view method, const Json& patch,
                const std::string& done) const;
    Exit finish_apply(bool changed, std::string_view tag) const;

    const Client client_;
    const bool json_;
    const Output output_;
};

}  // namespace otto::ctl
