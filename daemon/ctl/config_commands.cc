#include "ctl/config_commands.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "config/load.h"
#include "ctl/progress.h"

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
        progress.show("generation " + generation + ": waiting for all workers to go by it");
        const Status waited = wait.pause(look_again);
        if (!waited) return waited.error().number == EINTR ? Exit::interrupted : Exit::timed_out;
    }
}

}  // namespace

Exit reload(const Console& console) {
    Progress progress;
    Patience patience{.stop = progress.stop()};
    patience.tick = [&progress] { progress.show("Otto reads its file"); };
    auto reply = console.client().call({.method = "POST", .target = "/api/v1/reload"}, patience);
    progress.clear();
    if (reply)
        if (const Json* errors = reply->body.find("errors"))
            return bad_file(console, *reply, *errors);
    const auto asked = console.judge(std::move(reply));
    if (asked.exit == Exit::interrupted)
        return console.fail(asked.exit, "Otto reads its file all the same");
    if (!asked.reply) return asked.exit;
    const std::string generation(asked.reply->body.text_of("generation"));
    const Exit waited = wait_for_workers(console, generation, progress);
    progress.clear();
    if (waited == Exit::interrupted)
        return console.fail(waited,
                            fmt::format("generation {} is in force all the same", generation));
    if (waited == Exit::timed_out)
        return console.fail(waited, fmt::format("generation {} is in force, but after 10s a "
                                                "worker still goes by the one before",
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
    return console.say(
        json, fmt::format("{}: ok, {} {}\n", file, servers, servers == 1 ? "server" : "servers"));
}

Exit diff(const Console& console) {
    const auto asked = console.ask({.method = "GET", .target = "/api/v1/config"});
    if (!asked.reply) return asked.exit;
    const Json& body = asked.reply->body;
    const Json* file = body.find("file");
    const Json* changes = body.find("changes");
    if (file == nullptr || changes == nullptr)
        return console.fail(Exit::refused, "this Otto does not tell its changes");
    if (!is_true(body, "changesInForce")) console.remark(not_in_force);
    if (const Json* left_out = body.find("changesLeftOut"))
        for (const Json& each : left_out->children)
            console.remark(fmt::format("not applied: {}: {}", each.text_of("pointer"),
                                       each.text_of("reason")));
    return console.say(*changes, describe_changes(*file, *changes, console.output()));
}

Exit reset(const Console& console, bool force) {
    const auto asked = console.ask(
        {.method = "DELETE",
         .target = std::string("/api/v1/config/overlay") + (force ? "?force=true" : "")});
    if (!asked.reply) return asked.exit;
    return console.say(asked.reply->text, "the file alone is in force\n");
}

}  // namespace otto::ctl
