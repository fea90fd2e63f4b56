#include "ctl/server_commands.h"

#include <cerrno>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "config/units.h"
#include "config/wording.h"
#include "ctl/console/figures.h"
#include "ctl/console/progress.h"
#include "ctl/console/text.h"
#include "ctl/look_commands.h"

namespace otto::ctl {

namespace {

constexpr Duration look_again = std::chrono::milliseconds(200);

Duration timeout_of(const ServerOptions& options) {
    return parse_duration(options.timeout).value_or(std::chrono::seconds(60));
}

std::string server_path(const std::string& id) {
    return "/api/v1/servers/" + encode(id);
}

/// A change of one server, and what is said of it.
struct Change {
    std::string_view method;
    std::string body;
    std::string doing;  // "draining": while it waits
    std::string done;   // "receives no new requests"
};

std::string patch(std::string_view member, Json value) {
    return Json::object().set(member, std::move(value)).compact();
}

std::string state(std::string_view name) {
    return patch("state", Json::string(name));
}

std::string target(const ServerOptions& options) {
    std::string query;
    if (options.force) query += "&force=true";
    if (options.wait) query += "&wait=drained&timeout=" + encode(options.timeout);
    return server_path(options.id) + (query.empty() ? "" : "?" + query.substr(1));
}

/// "1 request", "3 requests": that are under way.
std::string requests(const Json& server) {
    const std::string_view active = server.text_of("active");
    return fmt::format("{} {}", active, active == "1" ? "request" : "requests");
}

/// What is still under way on it, if Otto tells: not of a server that is removed already.
std::string left_on(const Console& console, const std::string& id, int stop) {
    const auto reply = console.client().call({.method = "GET", .target = server_path(id)},
                                             {.most = std::chrono::seconds(1), .stop = stop});
    if (!reply || !reply->ok()) return "its last requests";
    return requests(reply->body) + " left";
}

Exit change(const Console& console, const ServerOptions& options, const Change& change) {
    const Request request{.method = change.method, .target = target(options), .body = change.body};
    if (!options.wait) {
        const auto asked = console.ask(request);
        if (!asked.reply) return asked.exit;
        const std::string text = fmt::format("{} {}\n", options.id, change.done);
        // A removal is answered without a body.
        const Json named = Json::object().set("name", Json::string(options.id));
        return console.say(asked.reply->text.empty() ? named.pretty() : asked.reply->text, text);
    }
    Progress progress;
    Patience patience{.most = std::chrono::seconds(30) + timeout_of(options),
                      .stop = progress.stop()};
    if (progress.shown())
        patience.tick = [&console, &options, &change, &progress] {
            progress.show(fmt::format("{} {}: {}", change.doing, options.id,
                                      left_on(console, options.id, progress.stop())));
        };
    auto reply = console.client().call(request, patience);
    progress.clear();
    const auto asked = console.judge(std::move(reply));
    if (asked.exit == Exit::interrupted)
        return console.fail(asked.exit, fmt::format("{} {} anyway; its requests in progress finish",
                                                    options.id, change.done));
    if (!asked.reply) return asked.exit;
    if (is_true(asked.reply->body, "drained"))
        return console.say(asked.reply->text, fmt::format("{} {}, no requests are in progress\n",
                                                          options.id, change.done));
    return console.fail(Exit::timed_out,
                        fmt::format("{} {}, with {} still in progress after {}", options.id,
                                    change.done, requests(asked.reply->body), options.timeout),
                        asked.reply->body);
}

/// Until a server that was added or enabled takes requests.
Exit wait_until_healthy(const Console& console, const ServerOptions& options,
                        const std::string& done) {
    Progress progress;
    Wait wait({.most = timeout_of(options), .stop = progress.stop()});
    for (;;) {
        auto reply = console.client().call({.method = "GET", .target = server_path(options.id)},
                                           {.stop = progress.stop()});
        if (!reply || !reply->ok()) progress.clear();
        const auto asked = console.judge(std::move(reply));
        std::string why = "no check yet";
        if (asked.reply) {
            const Json& body = asked.reply->body;
            if (body.text_of("health") == "healthy") {
                progress.clear();
                return console.say(asked.reply->text,
                                   fmt::format("{} {}, and healthy\n", options.id, done));
            }
            if (body.text_of("health") == "unhealthy") why = body.text_of("reason");
        } else if (asked.exit != Exit::interrupted) {
            return asked.exit;
        }
        progress.show(fmt::format("waiting for {} to be healthy: {}", options.id, why));
        const Status waited = wait.pause(look_again);
        if (waited) continue;
        progress.clear();
        if (waited.error().number == EINTR)
            return console.fail(Exit::interrupted,
                                fmt::format("{} {} anyway; it receives requests once it is healthy",
                                            options.id, done));
        return console.fail(Exit::timed_out,
                            fmt::format("{} {}, but not healthy after {}: {}", options.id, done,
                                        options.timeout, why),
                            asked.reply ? asked.reply->body : Json::object());
    }
}

using OneServer = Exit (*)(const Console&, const ServerOptions&);

Exit on_each(const Console& console, const ServerOptions& options, OneServer one) {
    ServerOptions current = options;
    if (options.ids.size() == 1) {
        current.id = options.ids.front();
        return one(console, current);
    }
    Json documents = Json::list();
    const Console gathering = console.gathering(documents);
    Exit first = Exit::ok;
    for (const std::string& id : options.ids) {
        current.id = id;
        const Exit ended = one(gathering, current);
        if (first == Exit::ok) first = ended;
        if (ended == Exit::interrupted || ended == Exit::unreachable) break;
    }
    if (!console.json()) return first;
    const Exit said = console.say(Json::object().set("servers", std::move(documents)), "");
    return first == Exit::ok ? said : first;
}

/// Before the wait for several: that for the first must not hold up the others.
void begin_on_each(const Console& console, const ServerOptions& options,
                   std::string_view state_name) {
    if (!options.wait || options.ids.size() < 2) return;
    ServerOptions current = options;
    current.wait = false;
    for (const std::string& id : options.ids) {
        current.id = id;
        // What is wrong is said when it is this server's turn.
        (void)console.client().call(
            {.method = "PATCH", .target = target(current), .body = state(state_name)});
    }
}

Exit add_one(const Console& console, const ServerOptions& options) {
    Json server = Json::object();
    server.set("url", Json::string(options.id));
    if (!options.name.empty()) server.set("name", Json::string(options.name));
    if (options.weight) server.set("weight", Json::number(*options.weight));
    if (options.max_connections)
        server.set("maxConnections", Json::number(*options.max_connections));
    if (options.backup) server.set("backup", Json::boolean(true));
    const auto asked =
        console.ask({.method = "POST", .target = "/api/v1/servers", .body = server.compact()});
    if (!asked.reply) return asked.exit;
    const std::string done = asked.reply->status == 201 ? "added" : "already exists";
    const std::string name(asked.reply->body.text_of("name"));
    if (!options.wait)
        return console.say(asked.reply->text, fmt::format("{} {}\n", printable(name), done));
    ServerOptions named = options;
    named.id = name;
    return wait_until_healthy(console, named, done);
}

Exit remove_one(const Console& console, const ServerOptions& options) {
    return change(console, options, {"DELETE", "", "removing", "removed"});
}

Exit drain_one(const Console& console, const ServerOptions& options) {
    return change(console, options,
                  {"PATCH", state("drain"), "draining", "receives no new requests"});
}

Exit enable_one(const Console& console, const ServerOptions& options) {
    if (!options.wait)
        return change(console, options, {"PATCH", state("active"), "", "receives requests"});
    const auto asked = console.ask(
        {.method = "PATCH", .target = server_path(options.id), .body = state("active")});
    if (!asked.reply) return asked.exit;
    return wait_until_healthy(console, options, "is enabled");
}

Exit disable_one(const Console& console, const ServerOptions& options) {
    return change(
        console, options,
        {"PATCH", state("disabled"), "draining", "receives no new requests and no health checks"});
}

Exit check_server_one(const Console& console, const ServerOptions& options) {
    const auto asked =
        console.ask({.method = "POST",
                     .target = "/api/v1/check-server",
                     .body = Json::object().set("url", Json::string(options.id)).compact()});
    if (!asked.reply) return asked.exit;
    const Json& body = asked.reply->body;
    const bool passed = is_true(body, "passed");
    const std::string address = printable(body.text_of("address"));
    std::string text = printable(body.text_of("name"));
    text += passed ? " passed" : " failed: " + printable(body.text_of("reason"));
    text += passed ? fmt::format(" in {}",
                                 latency_text(number(body.find("milliseconds")), locale_is_utf8()))
                   : "";
    text += address.empty() ? "\n" : fmt::format(" ({})\n", address);
    const Exit said = console.say(asked.reply->text, text);
    return passed ? said : Exit::refused;
}

Exit show_one(const Console& console, const ServerOptions& options) {
    const auto asked = console.ask({.method = "GET", .target = server_path(options.id)});
    if (!asked.reply) return asked.exit;
    return console.say(asked.reply->text, console.output().table(details(asked.reply->body)));
}

Exit weight_one(const Console& console, const ServerOptions& options) {
    const unsigned weight = options.weight.value_or(1);
    return change(
        console, options,
        {"PATCH", patch("weight", Json::number(weight)), "", fmt::format("has weight {}", weight)});
}

/// Of one or several changes.
Exit concluded(const Console& console, Exit ended) {
    if (ended == Exit::ok) console.remark_unless_kept();
    return ended;
}

}  // namespace

Exit add(const Console& console, const ServerOptions& options) {
    if (options.ids.size() > 1 && !options.name.empty())
        return console.fail(Exit::usage, "--name applies to one server only");
    return concluded(console, on_each(console, options, add_one));
}

Exit remove(const Console& console, const ServerOptions& options) {
    return concluded(console, on_each(console, options, remove_one));
}

Exit drain(const Console& console, const ServerOptions& options) {
    begin_on_each(console, options, "drain");
    return concluded(console, on_each(console, options, drain_one));
}

Exit enable(const Console& console, const ServerOptions& options) {
    begin_on_each(console, options, "active");
    return concluded(console, on_each(console, options, enable_one));
}

Exit disable(const Console& console, const ServerOptions& options) {
    begin_on_each(console, options, "disabled");
    return concluded(console, on_each(console, options, disable_one));
}

Exit weight(const Console& console, const ServerOptions& options) {
    ServerOptions weighed = options;
    const std::string last = weighed.ids.back();
    const auto weight = parse_whole(last);
    if (!weight || *weight > std::numeric_limits<unsigned>::max())
        return console.fail(
            Exit::usage,
            fmt::format("the last argument must be the weight, a whole number, but is {}. "
                        "Try \"ottoctl weight --help\"",
                        otto::quoted(last)));
    weighed.weight = static_cast<unsigned>(*weight);
    weighed.ids.pop_back();
    return concluded(console, on_each(console, weighed, weight_one));
}

Exit check_server(const Console& console, const ServerOptions& options) {
    return on_each(console, options, check_server_one);
}

Exit show(const Console& console, const ServerOptions& options) {
    return on_each(console, options, show_one);
}

}  // namespace otto::ctl
