#include "ctl/config_commands.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "base/phrases.h"
#include "config/load.h"
#include "config/wording.h"
#include "ctl/console/progress.h"

namespace otto::ctl {

namespace {

constexpr Duration patience_for_workers = std::chrono::seconds(10);
constexpr Duration look_again = std::chrono::milliseconds(20);

/// The file has errors, and nothing has changed.
Exit bad_file(const Console& console, const Reply& reply, const Json& errors) {
    if (console.json()) console.say(reply.text, "");
    for (const Json& error : errors.children) console.remark(error_text(error));
    console.remark("nothing has changed");
    return Exit::bad_config;
}

/// Until no worker goes by an older configuration.
Exit wait_for_workers(const Console& console, const std::string& generation, Progress& progress) {
    Wait wait({.most = patience_for_workers, .stop = progress.stop()});
    for (;;) {
        auto reply = console.client().call({.method = "GET", .target = "/api/v1/status"},
                                           {.most = patience_for_workers, .stop = progress.stop()});
        if (!reply || !reply->ok()) progress.clear();
        const auto asked = console.judge(std::move(reply));
        if (!asked.reply) return asked.exit;
        const Json* everywhere = asked.reply->body.find("inForce");
        if (everywhere == nullptr || everywhere->is_true()) return Exit::ok;
        progress.show("generation " + generation + ": waiting for all workers to apply it");
        const Status waited = wait.pause(look_again);
        if (!waited) return waited.error().number == EINTR ? Exit::interrupted : Exit::timed_out;
    }
}

/// One "KEY=VALUE" as a part of a JSON Merge Patch.
Status add_assignment(Json& patch, const std::string& assignment) {
    const std::size_t equals = assignment.find('=');
    const std::string key = assignment.substr(0, equals);
    if (equals == std::string::npos || key.empty() || key.front() == '.' || key.ends_with('.') ||
        key.find("..") != std::string::npos)
        return Error{
            fmt::format("{} is not KEY=VALUE, such as timeouts.connect=3s", quoted(assignment))};
    if (key == "servers" || key.starts_with("servers."))
        return Error{"servers are changed with add, remove, drain, enable, disable and weight"};
    const std::string text = assignment.substr(equals + 1);
    const auto json = Json::parse(text);
    Json value = json ? *json : Json::string(text);
    Json* target = &patch;
    std::size_t begin = 0;
    for (std::size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', begin)) {
        const std::string part = key.substr(begin, dot - begin);
        if (target->find(part) == nullptr || !target->find(part)->is_object())
            target->set(part, Json::object());
        target = &*std::ranges::find(target->children, part, &Json::key);
        begin = dot + 1;
    }
    target->set(key.substr(begin), std::move(value));
    return {};
}

}  // namespace

Exit reload(const Console& console) {
    Progress progress;
    Patience patience{.stop = progress.stop()};
    patience.tick = [&progress] { progress.show("Otto is reading its file"); };
    auto reply = console.client().call({.method = "POST", .target = "/api/v1/reload"}, patience);
    progress.clear();
    if (reply)
        if (const Json* errors = reply->body.find("errors"))
            return bad_file(console, *reply, *errors);
    const auto asked = console.judge(std::move(reply));
    if (asked.exit == Exit::interrupted)
        return console.fail(asked.exit, "Otto continues to read its file");
    if (!asked.reply) return asked.exit;
    const std::string generation(asked.reply->body.text_of("generation"));
    const Exit waited = wait_for_workers(console, generation, progress);
    progress.clear();
    if (waited == Exit::interrupted)
        return console.fail(waited, fmt::format("generation {} is active anyway", generation));
    if (waited == Exit::timed_out)
        return console.fail(
            waited,
            fmt::format("generation {} is active, but a worker has not applied it after 10s",
                        generation));
    if (waited != Exit::ok) return waited;
    if (!is_true(asked.reply->body, "changesInForce")) console.remark(not_in_force);
    return console.say(asked.reply->text, fmt::format("reloaded: generation {}\n", generation));
}

Exit check(const Console& console, const std::string& file) {
    const LoadedConfig loaded = load_config(file);
    Json errors = Json::list();
    for (const ConfigProblem& problem : loaded.problems)
        errors.add(Json::object()
                       .set("file", Json::string(problem.file))
                       .set("pointer", Json::string(problem.pointer))
                       .set("detail", Json::string(problem.message))
                       .set("line", Json::number(problem.line))
                       .set("column", Json::number(problem.column)));
    Json json = Json::object();
    json.set("ok", Json::boolean(loaded.ok()));
    if (!loaded.ok()) {
        std::string detail = loaded.problems.front().text();
        if (loaded.problems.size() > 1)
            detail += fmt::format("; and {} more", loaded.problems.size() - 1);
        json.set("detail", Json::string(detail)).set("errors", std::move(errors));
        console.say(json, "");
        for (const ConfigProblem& problem : loaded.problems) write_error(problem.text());
        return Exit::bad_config;
    }
    const std::size_t servers = loaded.config.servers.size();
    json.set("servers", Json::number(servers)).set("errors", std::move(errors));
    return console.say(json, fmt::format("{}: ok, {}\n", file, counted(servers, "server")));
}

Exit diff(const Console& console) {
    const auto asked = console.ask({.method = "GET", .target = "/api/v1/config"});
    if (!asked.reply) return asked.exit;
    const Json& body = asked.reply->body;
    const Json* file = body.find("file");
    const Json* changes = body.find("changes");
    if (file == nullptr || changes == nullptr)
        return console.fail(Exit::refused, "this Otto does not report its changes");
    if (!is_true(body, "changesInForce")) console.remark(not_in_force);
    if (const Json* left_out = body.find("changesLeftOut"))
        for (const Json& each : left_out->children)
            console.remark(fmt::format("not applied: {}: {}", each.text_of("pointer"),
                                       each.text_of("reason")));
    const bool none = changes->children.empty();
    const Exit said = console.say(
        *changes, none ? "no changes\n" : describe_changes(*file, *changes, console.output()));
    return none ? said : Exit::refused;
}

Exit config(const Console& console) {
    const auto asked = console.ask({.method = "GET", .target = "/api/v1/config"});
    if (!asked.reply) return asked.exit;
    const Json* active = asked.reply->body.find("effective");
    if (active == nullptr) return console.fail(Exit::refused, "this Otto does not report it");
    if (!is_true(asked.reply->body, "changesInForce")) console.remark(not_in_force);
    return console.say(*active, active->pretty());
}

Exit set(const Console& console, const std::vector<std::string>& assignments) {
    Json patch = Json::object();
    for (const std::string& assignment : assignments) {
        const Status added = add_assignment(patch, assignment);
        if (!added) return console.fail(Exit::usage, added.error().message);
    }
    const auto asked =
        console.ask({.method = "PATCH", .target = "/api/v1/config", .body = patch.compact()});
    if (!asked.reply) return asked.exit;
    for (const char* key : {"workers", "admin"})
        if (patch.find(key) != nullptr)
            console.remark(fmt::format("\"{}\" takes effect after the next restart", key));
    if (patch.find("port") != nullptr)
        console.remark(
            "\"port\" takes effect with ottoctl apply, or without systemd after the next restart");
    const Json* changes = asked.reply->body.find("changes");
    const Json* file = asked.reply->body.find("file");
    if (changes == nullptr || file == nullptr)
        return console.fail(Exit::refused, "this Otto does not report its changes");
    const std::string text = changes->children.empty()
                                 ? "set to the value in the file\n"
                                 : "set; all changes to the file:\n" +
                                       describe_changes(*file, *changes, console.output());
    const Exit said = console.say(asked.reply->text, text);
    if (said == Exit::ok && !changes->children.empty()) console.remark_unless_kept();
    return said;
}

Exit reset(const Console& console, bool force) {
    const auto asked = console.ask(
        {.method = "DELETE",
         .target = std::string("/api/v1/config/overlay") + (force ? "?force=true" : "")});
    if (!asked.reply) return asked.exit;
    return console.say(asked.reply->text, "only the file is active now\n");
}

}  // namespace otto::ctl
