#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/json.h"
#include "ctl/client.h"
#include "ctl/exit.h"
#include "ctl/output.h"

namespace otto::ctl {

/// What all commands share: they ask Otto, say what comes of it on stdout, and complain on stderr.
/// With --json, stdout gets exactly one JSON document of every command that asks: what Otto
/// answered, or an object whose "detail" says what is wrong.
class Console {
  public:
    Console(Client client, bool json) : client_(std::move(client)), json_(json) {}

    const Client& client() const { return client_; }
    const Output& output() const { return output_; }
    bool json() const { return json_; }

    /// Asks, and complains when that fails: then there is no reply, but an exit status.
    struct Asked {
        std::optional<Reply> reply;
        Exit exit = Exit::ok;
    };
    Asked ask(const Request& request, const Patience& patience = {}) const;
    /// The same of an answer that is there.
    Asked judge(Result<Reply> reply) const;

    /// On stdout: `json`, or what people read.
    Exit say(const std::string& json, const std::string& text) const;
    Exit say(const Json& json, const std::string& text) const { return say(json.pretty(), text); }

    /// A remark on stderr.
    void remark(const std::string& message) const;
    /// Why it failed.
    Exit fail(Exit exit, const std::string& message) const;
    /// Otto said no.
    Exit refused(const Reply& reply) const;

  private:
    const Client client_;
    const bool json_;
    const Output output_;
};

/// Whether a member is there, and true.
bool is_true(const Json& json, std::string_view name);

/// Writes to stdout at once. False when nobody reads it any more.
bool write_out(std::string_view text);

}  // namespace otto::ctl
