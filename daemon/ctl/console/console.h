#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/json.h"
#include "ctl/console/client.h"
#include "ctl/console/exit.h"
#include "ctl/console/output.h"

namespace otto::ctl {

/// What all commands share: they ask Otto, say what comes of it on stdout, and complain on stderr.
/// With --json, stdout gets exactly one JSON document of every command that asks: what Otto
/// answered, or an object whose "detail" says what is wrong.
class Console {
  public:
    Console(Client client, bool json) : client_(std::move(client)), json_(json) {}

    /// The same for one of several steps of a command: JSON goes into `list`, which must outlive
    /// it, and not to stdout.
    Console gathering(Json& list) const;

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

    /// On stdout: `json`, or what people read. Complains when that cannot be written.
    Exit say(const std::string& json, const std::string& text) const;
    Exit say(const Json& json, const std::string& text) const { return say(json.pretty(), text); }

    /// A remark on stderr.
    void remark(const std::string& message) const;
    /// After a change: that it lasts until Otto restarts, where that is so.
    void remark_unless_kept() const;
    /// Why it failed. With --json, `document` is what else there is to say.
    Exit fail(Exit exit, const std::string& message, Json document = Json::object()) const;
    /// Why stdout could not be written; nothing when all there is to it is that nobody reads it any
    /// more.
    Exit unwritten(const Error& error) const;
    /// Otto said no.
    Exit refused(const Reply& reply) const;

  private:
    const Client client_;
    const bool json_;
    const Output output_;
    Json* gathered_ = nullptr;
};

/// Whether a member is there, and true.
bool is_true(const Json& json, std::string_view name);

/// A number; none of null and of what is missing.
std::optional<double> number(const Json* json);

/// One of the "errors" of a reply, as otto-config(5) has it: "FILE:LINE:COLUMN: POINTER: MESSAGE",
/// without what is not told.
std::string error_text(const Json& error);

/// Writes to stdout at once. Fails with EPIPE when nobody reads it any more.
Status write_out(std::string_view text);

/// Writes a line to stderr, as far as it can be written.
void write_error(const std::string& line);

}  // namespace otto::ctl
