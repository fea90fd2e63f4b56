#include "ctl/apply_command.h"

#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "config/load.h"
#include "config/port.h"
#include "ctl/apply.h"
#include "ctl/config_commands.h"
#include "ctl/console/systemctl.h"
#include "ctl/socket_port.h"

namespace otto::ctl {

namespace {

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
        text += fmt::format("{} has been rewritten; its layout has changed\n", applied.file);
    if (applied.in_force && applied.written) text += "Otto now uses only the file\n";
    if (!applied.written && applied.port_commands.empty()) text += "there was nothing to apply\n";
    if (!applied.port_commands.empty())
        text += applied.listening
                    ? "systemd now listens on \"port\", and Otto has been restarted\n"
                    : fmt::format(
                          "\"port\" differs from what systemd listens on; run as root:\n    {0}\n"
                          "or change \"port\" instead:\n    {0} --port socket\n",
                          applied.port_commands);
    const std::string commands = applied.listening ? "" : applied.port_commands;
    return console.say(Json::object()
                           .set("file", Json::string(applied.file))
                           .set("written", Json::boolean(applied.written))
                           .set("inForce", Json::boolean(applied.in_force))
                           .set("portCommands", Json::string(commands)),
                       text);
}

/// Has Otto use the file that was written, and drops `changes`, which are in it now. `tag` is that
/// of what was written: what others have changed since is not dropped. `more`: the file has more
/// than these changes, and another tag once Otto uses it.
Exit adopt(const Console& console, std::string tag, const Json& changes, bool more) {
    // In this order the same holds all the time, and whatever happens in between.
    const auto reloaded = console.ask({.method = "POST", .target = "/api/v1/reload"});
    if (!reloaded.reply) return reloaded.exit;
    if (more) {
        if (changes.children.empty()) return Exit::ok;
        const auto asked = console.ask({.method = "GET", .target = "/api/v1/config"});
        if (!asked.reply) return asked.exit;
        const Json* now = asked.reply->body.find("changes");
        if (now != nullptr && now->compact() == changes.compact()) tag = asked.reply->tag;
    }
    const auto dropped = console.ask(
        {.method = "DELETE", .target = "/api/v1/config/overlay?force=true", .tag = tag});
    if (!dropped.reply)
        console.remark(
            "the file has been written, but the changes are kept: check ottoctl diff, then apply "
            "again");
    return dropped.exit;
}

/// Has systemd's socket listen on the file's `port`, if this may and should do so.
Exit open_its_port(const Console& console, Applied& applied) {
    const auto asked = console.ask({.method = "GET", .target = "/api/v1/status"});
    if (!asked.reply) return asked.exit;
    applied.port_commands = asked.reply->body.text_of("portCommands");
    if (applied.port_commands.empty()) return Exit::ok;
    const std::string service(asked.reply->body.text_of("unit"));
    const bool may = ::geteuid() == 0 && console.client().is_local() && is_booted();
    const std::string socket = service.empty() || !may ? "" : socket_unit_of(service);
    applied.listening = !socket.empty();
    if (!applied.listening) return Exit::ok;
    const LoadedConfig loaded = load_config(std::string(asked.reply->body.text_of("configFile")));
    if (!loaded.ok()) return console.fail(Exit::bad_config, loaded.problems.front().text());
    const Status opened = open_port(socket, loaded.config.port);
    return opened ? Exit::ok : console.fail(Exit::refused, opened.error().message);
}

/// Adds to the changes that "port" is what Otto listens on, unless it is already.
Exit follow_socket(const Console& console, Json& changes) {
    const auto asked = console.ask({.method = "GET", .target = "/api/v1/status"});
    if (!asked.reply) return asked.exit;
    if (asked.reply->body.text_of("portCommands").empty()) return Exit::ok;
    Json port = Json::list();
    if (const Json* listening = asked.reply->body.find("listening"))
        for (const Json& each : listening->children)
            if (const auto address = parse_listen_stream(each.text))
                port.add(Json::string(port_entry(*address)));
    if (port.children.empty())
        return console.fail(Exit::refused, "Otto listens only on UNIX sockets, which have no port");
    if (port.children.size() == 1) port = Json(port.children.front());
    changes.set("port", std::move(port));
    return Exit::ok;
}

/// The file to write: the one that is named, or that of the Otto that is asked.
Result<std::string> target(const std::string& named, const Json& config) {
    if (!named.empty()) return named;
    const std::string_view path = config.text_of("path");
    if (path.starts_with('/')) return std::string(path);
    return Error{"this Otto has no configuration file: name the file to write"};
}

}  // namespace

Exit apply(const Console& console, const ApplyOptions& options) {
    const auto asked = console.ask({.method = "GET", .target = "/api/v1/config"});
    if (!asked.reply) return asked.exit;
    const Json& body = asked.reply->body;
    const Json* told = body.find("changes");
    if (told == nullptr)
        return console.fail(Exit::refused, "this Otto does not report its changes");
    if (!is_true(body, "changesInForce")) return console.fail(Exit::refused, not_in_force);
    const auto file = target(options.file, body);
    if (!file) return console.fail(Exit::refused, file.error().message);
    Json changes = *told;
    const Exit followed = options.port_follows_socket ? follow_socket(console, changes) : Exit::ok;
    if (followed != Exit::ok) return followed;
    Applied applied{.file = *file, .written = !changes.children.empty()};
    if (applied.written) {
        const auto folded = fold(*file, changes);
        if (!folded) return console.fail(Exit::refused, folded.error().message);
        const Status written = replace(folded->file, folded->text);
        if (!written) return console.fail(Exit::refused, written.error().message);
        applied.file = folded->file;
        applied.in_force = body.text_of("path") == *file || body.text_of("path") == folded->file;
        if (!applied.in_force) {
            console.remark(
                fmt::format("Otto uses {}, and its changes remain", body.text_of("path")));
            return say(console, applied);
        }
        const bool more = changes.children.size() > told->children.size();
        const Exit adopted = adopt(console, asked.reply->tag, *told, more);
        if (adopted != Exit::ok) return adopted;
    }
    const Exit opened = open_its_port(console, applied);
    if (opened == Exit::ok) return say(console, applied);
    if (applied.written)
        console.remark(
            fmt::format("{} has been written, and Otto now uses only the file", applied.file));
    return opened;
}

}  // namespace otto::ctl
