#include "ctl/commands.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "config/load.h"
#include "config/units.h"
#include "config/wording.h"
#include "ctl/apply.h"

namespace otto::ctl {

namespace {

using Colour = Output::Colour;

std::string server_target(const ServerOptions& options) {
    std::string target = "/api/v1/servers/" + encode(options.id);
    std::string query;
    if (options.force) query += "&force=true";
    if (options.wait) query += "&wait=drained&timeout=" + encode(options.timeout);
    if (!query.empty()) target += "?" + query.substr(1);
    return target;
}

Colour health_colour(const Json& server) {
    const Json* ejected = server.find("ejected");
    if (ejected != nullptr && ejected->is_true()) return Colour::warning;
    const std::string_view health = server.text_of("health");
    if (health == "healthy") return Colour::good;
    return health == "unhealthy" ? Colour::bad : Colour::faint;
}

std::string health_text(const Json& server) {
    const Json* ejected = server.find("ejected");
    if (ejected != nullptr && ejected->is_true()) return "ejected";
    return std::string(server.text_of("health"));
}

Output::Row server_row(const Json& server) {
    const auto text = [&server](std::string_view name) { return printable(server.text_of(name)); };
    const Json* backup = server.find("backup");
    const std::string most = text("maxConnections");
    std::string state = text("state");
    if (backup != nullptr && backup->is_true()) state += ", backup";
    return {{text("name")},
            {state, server.text_of("state") == "active" ? Colour::none : Colour::warning},
            {health_text(server), health_colour(server)},
            {text("weight")},
            {most == "0" ? text("active") : text("active") + "/" + most},
            {text("latencyMilliseconds") + " ms"},
            {text("reason"), Colour::faint}};
}

std::string uptime_text(std::string_view seconds) {
    const auto count = parse_whole(seconds).value_or(0);
    if (count < 120) return fmt::format("{} s", count);
    if (count < 7200) return fmt::format("{} min", count / 60);
    return fmt::format("{} h", count / 3600);
}

std::string join(const Json* list) {
    std::string text;
    if (list == nullptr) return text;
    for (const Json& each : list->children) text += (text.empty() ? "" : ", ") + each.text;
    return text;
}

/// Whether systemd runs this system, as in sd_booted(3).
bool is_booted() {
    return ::access("/run/systemd/system", F_OK) == 0;
}

bool is_true(const Json& json, std::string_view name) {
    const Json* member = json.find(name);
    return member != nullptr && member->is_true();
}

}  // namespace

// ---- asking ------------------------------------------------------------------------------------

Exit Commands::complain(Exit exit, const std::string& message) const {
    fmt::print(stderr, "ottoctl: {}\n", printable(message));
    return exit;
}

Exit Commands::refused(const Reply& reply) const {
    if (json_) fmt::print("{}", reply.text);
    const Json* errors = reply.body.find("errors");
    if (errors == nullptr || errors->children.size() < 2) {
        complain(Exit::refused, reply.problem());
    } else {
        for (const Json& error : errors->children)
            complain(Exit::refused,
                     fmt::format("{}: {}", error.text_of("pointer"), error.text_of("detail")));
    }
    return reply.status == 404 ? Exit::unknown_server : Exit::refused;
}

Commands::Asked Commands::ask(std::string_view method, const std::string& target,
                              std::string_view body, Duration patience,
                              std::string_view tag) const {
    auto reply = client_.call(method, target, body, patience, tag);
    if (!reply)
        return {.reply = std::nullopt, .exit = complain(Exit::unreachable, reply.error().message)};
    if (!reply->ok()) return {.reply = std::nullopt, .exit = refused(*reply)};
    return {.reply = *std::move(reply), .exit = Exit::ok};
}

Exit Commands::say(const Reply& reply, const std::string& text) const {
    fmt::print("{}", json_ ? reply.text : text);
    return Exit::ok;
}

// ---- looking -----------------------------------------------------------------------------------

Exit Commands::status() const {
    const Asked asked = ask("GET", "/api/v1/status");
    if (!asked.reply) return asked.exit;
    const Json& body = asked.reply->body;
    const auto text = [&body](std::string_view name) { return printable(body.text_of(name)); };
    const Json* servers = body.find("servers");
    const Json none;
    const Json& counts = servers == nullptr ? none : *servers;
    const bool whole = counts.text_of("healthy") == counts.text_of("total");
    const bool ready = is_true(body, "ready");

    std::string config = fmt::format("{}, generation {}", text("configFile"), text("generation"));
    if (is_true(body, "changed"))
        config += is_true(body, "changesInForce")
                      ? ", changed at run time (see ottoctl diff)"
                      : ", without the changes made at run time, which do not fit it (see ottoctl "
                        "diff, ottoctl reset)";
    std::string out = output_.table({
        {{"Otto"},
         {fmt::format("{}, {} for {}", text("version"), text("state"),
                      uptime_text(body.text_of("uptimeSeconds"))),
          ready ? Colour::good : Colour::bad}},
        {{"Status"}, {text("status")}},
        {{"Servers"},
         {fmt::format("{} of {} healthy", counts.text_of("healthy"), counts.text_of("total")),
          whole ? Colour::good : Colour::warning}},
        {{"Requests"}, {fmt::format("{}, {}/s", text("requests"), text("requestsPerSecond"))}},
        {{"Connections"}, {text("connections")}},
        {{"Workers"}, {text("workers")}},
        {{"Listening"}, {printable(join(body.find("listening")))}},
        {{"Configuration"}, {config}},
    });
    if (!body.text_of("portCommands").empty())
        out += fmt::format(
            "\n\"port\" is {}; to have systemd listen there (or: ottoctl apply):\n"
            "    {}\n",
            printable(join(body.find("port"))), text("portCommands"));
    return say(*asked.reply, out);
}

Exit Commands::servers() const {
    const Asked asked = ask("GET", "/api/v1/servers");
    if (!asked.reply) return asked.exit;
    std::vector<Output::Row> rows{
        {{"NAME"}, {"STATE"}, {"HEALTH"}, {"WEIGHT"}, {"ACTIVE"}, {"LATENCY"}, {"REASON"}}};
    if (const Json* list = asked.reply->body.find("servers"))
        for (const Json& server : list->children) rows.push_back(server_row(server));
    return say(*asked.reply, output_.table(rows));
}

Exit Commands::token() const {
    const Asked asked = ask("GET", "/api/v1/token");
    if (!asked.reply) return asked.exit;
    return say(*asked.reply, fmt::format("{}\n", asked.reply->body.text_of("token")));
}

// ---- servers -----------------------------------------------------------------------------------

Exit Commands::add(const ServerOptions& options) const {
    Json server = Json::object();
    server.set("url", Json::string(options.id));
    if (!options.name.empty()) server.set("name", Json::string(options.name));
    if (options.weight) server.set("weight", Json::number(*options.weight));
    if (options.max_connections)
        server.set("maxConnections", Json::number(*options.max_connections));
    if (options.backup) server.set("backup", Json::boolean(true));
    const Asked asked = ask("POST", "/api/v1/servers", server.compact());
    if (!asked.reply) return asked.exit;
    return say(*asked.reply,
               fmt::format("{} {}\n", printable(asked.reply->body.text_of("name")),
                           asked.reply->status == 201 ? "added" : "is there already"));
}

Exit Commands::change(const ServerOptions& options, std::string_view method, const Json& patch,
                      const std::string& done) const {
    const auto wait = parse_duration(options.timeout);
    if (!wait)
        return complain(Exit::usage, "the timeout is a duration, such as 30s or 5m; not " +
                                         quoted(options.timeout));
    const Duration patience = std::chrono::seconds(30) + (options.wait ? *wait : Duration::zero());
    const std::string body = patch.is_null() ? "" : patch.compact();
    const Asked asked = ask(method, server_target(options), body, patience);
    if (!asked.reply) return asked.exit;
    const Json& answer = asked.reply->body;
    if (!options.wait) return say(*asked.reply, fmt::format("{} {}\n", options.id, done));
    if (is_true(answer, "drained"))
        return say(*asked.reply, fmt::format("{} {}, nothing is under way\n", options.id, done));
    if (json_) fmt::print("{}", asked.reply->text);
    return complain(Exit::not_drained,
                    fmt::format("{} {}, but {} requests are still under way after {}", options.id,
                                done, answer.text_of("active"), options.timeout));
}

Exit Commands::remove(const ServerOptions& options) const {
    return change(options, "DELETE", Json{}, "removed");
}

Exit Commands::drain(const ServerOptions& options) const {
    return change(options, "PATCH", Json::object().set("state", Json::string("drain")),
                  "gets no new requests");
}

Exit Commands::enable(const ServerOptions& options) const {
    return change(options, "PATCH", Json::object().set("state", Json::string("active")),
                  "gets requests");
}

Exit Commands::disable(const ServerOptions& options) const {
    return change(options, "PATCH", Json::object().set("state", Json::string("disabled")),
                  "gets no new requests and no checks");
}

Exit Commands::weight(const ServerOptions& options) const {
    const unsigned weight = options.weight.value_or(1);
    return change(options, "PATCH", Json::object().set("weight", Json::number(weight)),
                  fmt::format("has the weight {}", weight));
}

// ---- configuration -----------------------------------------------------------------------------

Exit Commands::reload() const {
    const auto reply = client_.call("POST", "/api/v1/reload");
    if (!reply) return complain(Exit::unreachable, reply.error().message);
    if (reply->ok()) {
        if (!is_true(reply->body, "changesInForce"))
            complain(Exit::ok,
                     "the changes made at run time do not fit the file and are not in force: see "
                     "ottoctl diff, ottoctl reset");
        return say(*reply,
                   fmt::format("reloaded: generation {}\n", reply->body.text_of("generation")));
    }
    const Json* errors = reply->body.find("errors");
    if (errors == nullptr) return refused(*reply);
    if (json_) fmt::print("{}", reply->text);
    for (const Json& error : errors->children)
        complain(Exit::bad_config,
                 fmt::format("{}:{}: {}: {}", error.text_of("line"), error.text_of("column"),
                             error.text_of("pointer"), error.text_of("detail")));
    return complain(Exit::bad_config, "nothing has changed");
}

/// Without asking Otto, which need not run.
Exit Commands::check(const std::string& file) const {
    const LoadedConfig loaded = load_config(file);
    if (json_) {
        Json errors = Json::list();
        for (const ConfigProblem& problem : loaded.problems)
            errors.add(Json::object()
                           .set("pointer", Json::string(problem.pointer))
                           .set("detail", Json::string(problem.message))
                           .set("line", Json::number(problem.line))
                           .set("column", Json::number(problem.column)));
        Json json = Json::object();
        json.set("ok", Json::boolean(loaded.ok()));
        json.set("errors", std::move(errors));
        fmt::print("{}", json.pretty());
    } else if (loaded.ok()) {
        fmt::print("{}: ok, {} servers\n", file, loaded.config.servers.size());
    }
    if (!json_)
        for (const ConfigProblem& problem : loaded.problems)
            fmt::print(stderr, "{}\n", problem.text());
    return loaded.ok() ? Exit::ok : Exit::bad_config;
}

Exit Commands::diff() const {
    const Asked asked = ask("GET", "/api/v1/config");
    if (!asked.reply) return asked.exit;
    const Json& body = asked.reply->body;
    const Json* file = body.find("file");
    const Json* changes = body.find("changes");
    if (file == nullptr || changes == nullptr)
        return complain(Exit::refused, "this Otto does not tell its changes");
    if (json_) {
        fmt::print("{}", changes->pretty());
        return Exit::ok;
    }
    if (!is_true(body, "changesInForce"))
        complain(Exit::ok, "these changes do not fit the file and are not in force");
    fmt::print("{}", describe_changes(*file, *changes, output_));
    return Exit::ok;
}

Exit Commands::reset(bool force) const {
    const Asked asked =
        ask("DELETE", std::string("/api/v1/config/overlay") + (force ? "?force=true" : ""));
    if (!asked.reply) return asked.exit;
    return say(*asked.reply, "the file alone is in force\n");
}

Exit Commands::apply(const std::string& file) const {
    const Asked asked = ask("GET", "/api/v1/config");
    if (!asked.reply) return asked.exit;
    const Json& body = asked.reply->body;
    const Json* changes = body.find("changes");
    if (changes == nullptr) return complain(Exit::refused, "this Otto does not tell its changes");
    if (!is_true(body, "changesInForce"))
        return complain(Exit::refused,
                        "the changes do not fit the file and are not in force: see ottoctl diff, "
                        "ottoctl reset");
    const bool changed = !changes->children.empty();
    if (changed) {
        const auto folded = fold(file, *changes);
        if (!folded) return complain(Exit::refused, folded.error().message);
        const Status written = replace(folded->file, folded->text);
        if (!written) return complain(Exit::refused, written.error().message);
        if (!json_) fmt::print("{} is rewritten, in a layout of its own\n", folded->file);
        if (body.text_of("path") != file && body.text_of("path") != folded->file)
            return complain(Exit::ok, fmt::format("Otto goes by {}, where the changes stay",
                                                  body.text_of("path")));
    }
    return finish_apply(changed, asked.reply->tag);
}

/// The file is as it should be: Otto is to go by it alone, and systemd's socket by its `port`.
/// `tag` is that of what was written: what others have changed since is not dropped.
Exit Commands::finish_apply(bool changed, std::string_view tag) const {
    if (changed) {
        // In this order the same holds all the time, and whatever happens in between.
        const Asked reloaded = ask("POST", "/api/v1/reload");
        if (!reloaded.reply) return reloaded.exit;
        const Asked dropped =
            ask("DELETE", "/api/v1/config/overlay?force=true", "", std::chrono::seconds(30), tag);
        if (!dropped.reply)
            return complain(dropped.exit,
                            "the file is written, but the changes are kept: look at "
                            "ottoctl diff, then apply again");
    }
    const Asked asked = ask("GET", "/api/v1/status");
    if (!asked.reply) return asked.exit;
    const std::string_view commands = asked.reply->body.text_of("portCommands");
    const bool may_open = ::geteuid() == 0 && client_.place() == default_place && is_booted();
    if (!commands.empty() && may_open) {
        const LoadedConfig loaded =
            load_config(std::string(asked.reply->body.text_of("configFile")));
        if (!loaded.ok()) return complain(Exit::bad_config, loaded.problems.front().text());
        const Status opened = open_port(loaded.config.port);
        if (!opened) return complain(Exit::refused, opened.error().message);
    }
    std::string text = changed ? "Otto goes by the file alone\n" : "there was nothing to apply\n";
    if (!commands.empty())
        text += may_open
                    ? "otto.socket listens on \"port\" now, and Otto was restarted\n"
                    : fmt::format("\"port\" is not what otto.socket listens on; as root:\n    {}\n",
                                  printable(commands));
    return say(*asked.reply, text);
}

}  // namespace otto::ctl
