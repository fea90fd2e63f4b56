#include "ctl/apply_command.h"

#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "config/load.h"
#include "ctl/apply.h"
#include "ctl/config_commands.h"

namespace otto::ctl {

namespace {

/// Whether systemd runs this system, as in sd_booted(3).
bool is_booted() {
    return ::access("/run/systemd/system", F_OK) == 0;
}

/// What has come of it.
struct Applied {
    std::string file;
    bool written = false;
    bool in_force = true;         // Otto goes by this file alone
    bool listening = true;        // on the file's `port`
    std::string port_commands{};  // that make it so
};

Exit say(const Console& console, const Applied& applied) {
    std::string text;
    if (applied.written)
        text += fmt::format("{} is rewritten, in a layout of its own\n", applied.file);
    if (applied.in_force)
        text += applied.written ? "Otto goes by the file alone\n" : "there was nothing to apply\n";
    if (!applied.port_commands.empty())
        text += applied.listening ? "otto.socket listens on \"port\" now, and Otto was restarted\n"
                                  : fmt::format(
                                        "\"port\" is not what otto.socket listens on; as "
                                        "root:\n    {}\n",
                                        applied.port_commands);
    const std::string commands = applied.listening ? "" : applied.port_commands;
    return console.say(Json::object()
                           .set("file", Json::string(applied.file))
                           .set("written", Json::boolean(applied.written))
                           .set("inForce", Json::boolean(applied.in_force))
                           .set("portCommands", Json::string(commands)),
                       text);
}

/// Has Otto go by the file that was written, and drops the changes that are in it now. `tag` is
/// that of what was written: what others have changed since is not dropped.
Exit adopt(const Console& console, const std::string& tag) {
    // In this order the same holds all the time, and whatever happens in between.
    const auto reloaded = console.ask({.method = "POST", .target = "/api/v1/reload"});
    if (!reloaded.reply) return reloaded.exit;
    const auto dropped = console.ask(
        {.method = "DELETE", .target = "/api/v1/config/overlay?force=true", .tag = tag});
    if (!dropped.reply)
        console.remark(
            "the file is written, but the changes are kept: look at "
            "ottoctl diff, then apply again");
    return dropped.exit;
}

/// Has systemd's socket listen on the file's `port`, if this may and should do so.
Exit open_its_port(const Console& console, Applied& applied) {
    const auto asked = console.ask({.method = "GET", .target = "/api/v1/status"});
    if (!asked.reply) return asked.exit;
    applied.port_commands = asked.reply->body.text_of("portCommands");
    if (applied.port_commands.empty()) return Exit::ok;
    applied.listening =
        ::geteuid() == 0 && console.client().place() == default_place && is_booted();
    if (!applied.listening) return Exit::ok;
    const LoadedConfig loaded = load_config(std::string(asked.reply->body.text_of("configFile")));
    if (!loaded.ok()) return console.fail(Exit::bad_config, loaded.problems.front().text());
    const Status opened = open_port(loaded.config.port);
    return opened ? Exit::ok : console.fail(Exit::refused, opened.error().message);
}

}  // namespace

Exit apply(const Console& console, const std::string& file) {
    const auto asked = console.ask({.method = "GET", .target = "/api/v1/config"});
    if (!asked.reply) return asked.exit;
    const Json& body = asked.reply->body;
    const Json* changes = body.find("changes");
    if (changes == nullptr)
        return console.fail(Exit::refused, "this Otto does not tell its changes");
    if (!is_true(body, "changesInForce")) return console.fail(Exit::refused, not_in_force);
    Applied applied{.file = file, .written = !changes->children.empty()};
    if (applied.written) {
        const auto folded = fold(file, *changes);
        if (!folded) return console.fail(Exit::refused, folded.error().message);
        const Status written = replace(folded->file, folded->text);
        if (!written) return console.fail(Exit::refused, written.error().message);
        applied.file = folded->file;
        applied.in_force = body.text_of("path") == file || body.text_of("path") == folded->file;
        if (!applied.in_force) {
            console.remark(
                fmt::format("Otto goes by {}, where the changes stay", body.text_of("path")));
            return say(console, applied);
        }
        const Exit adopted = adopt(console, asked.reply->tag);
        if (adopted != Exit::ok) return adopted;
    }
    const Exit opened = open_its_port(console, applied);
    if (opened == Exit::ok) return say(console, applied);
    if (applied.written)
        console.remark(fmt::format("{} is written, and Otto goes by it alone", applied.file));
    return opened;
}

}  // namespace otto::ctl
