#include "ctl/look_commands.h"

#include <utility>

#include <fmt/format.h>

#include "config/units.h"
#include "config/wording.h"
#include "ctl/console/figures.h"
#include "ctl/console/text.h"

namespace otto::ctl {

namespace {

using Colour = Output::Colour;

Colour health_colour(const Json& server) {
    if (is_true(server, "ejected")) return Colour::warning;
    const std::string_view health = server.text_of("health");
    if (health == "healthy") return Colour::good;
    return health == "unhealthy" ? Colour::bad : Colour::faint;
}

std::string health_text(const Json& server) {
    if (is_true(server, "ejected")) return "ejected";
    return std::string(server.text_of("health"));
}

Output::Row server_row(const Json& server) {
    const auto text = [&server](std::string_view name) { return printable(server.text_of(name)); };
    const std::string most = text("maxConnections");
    std::string state = text("state");
    if (is_true(server, "backup")) state += ", backup";
    const Json* latency = server.find("latency");
    return {{text("name")},
            {state, server.text_of("state") == "active" ? Colour::none : Colour::warning},
            {health_text(server), health_colour(server)},
            {text("weight")},
            {most == "0" ? text("active") : text("active") + "/" + most},
            {latency_text(latency == nullptr ? std::nullopt : number(latency->find("p50")),
                          locale_is_utf8())},
            {text(server.find("why") == nullptr ? "reason" : "why"), Colour::faint}};
}

std::string join(const Json* list) {
    std::string text;
    if (list == nullptr) return text;
    for (const Json& each : list->children) text += (text.empty() ? "" : ", ") + each.text;
    return text;
}

}  // namespace

std::vector<Output::Row> details(const Json& server) {
    const auto text = [&server](std::string_view name) { return printable(server.text_of(name)); };
    const auto latency = [&server](std::string_view name) {
        const Json* all = server.find("latency");
        return latency_text(all == nullptr ? std::nullopt : number(all->find(name)),
                            locale_is_utf8());
    };
    const double share = number(server.find("share")).value_or(0);
    const std::string most = text("maxConnections");
    std::string state = text("state") + (is_true(server, "backup") ? ", backup" : "");
    if (is_true(server, "changed")) state += ", changed at run time (see ottoctl diff)";
    return {
        {{"Name"}, {text("name")}},
        {{"URL"}, {text("url")}},
        {{"ID"}, {text("id")}},
        {{"State"}, {state}},
        {{"Health"}, {health_text(server), health_colour(server)}},
        {{"Why"}, {text("why")}},
        {{"Weight"}, {text("weight")}},
        {{"Share"}, {fmt::format("{:.1f} % of the requests", share * 100)}},
        {{"Active"}, {text("active") + (most == "0" ? "" : " of at most " + most)}},
        {{"Requests"},
         {fmt::format("{} (errors: {}, retries: {})", text("requests"), text("errors"),
                      text("retries"))}},
        {{"Rates"},
         {fmt::format("{} requests/s, {} errors/s, {} retries/s", text("requestsPerSecond"),
                      text("errorsPerSecond"), text("retriesPerSecond"))}},
        {{"Latency"},
         {fmt::format("{} (median), {} (90 %), {} (99 %)", latency("p50"), latency("p90"),
                      latency("p99"))}},
    };
}

Exit status(const Console& console) {
    const auto asked = console.ask({.method = "GET", .target = "/api/v1/status"});
    if (!asked.reply) return asked.exit;
    const Json& body = asked.reply->body;
    const auto text = [&body](std::string_view name) { return printable(body.text_of(name)); };
    const Json* servers = body.find("servers");
    const Json none;
    const Json& counts = servers == nullptr ? none : *servers;
    const bool whole = counts.text_of("healthy") == counts.text_of("total");
    const Json* verdict = body.find("verdict");
    const Json& how = verdict == nullptr ? none : *verdict;
    const bool bad = how.text_of("tone") == "bad";
    const Colour colour = bad                             ? Colour::bad
                          : how.text_of("tone") == "good" ? Colour::good
                                                          : Colour::warning;

    const Duration uptime =
        std::chrono::seconds(parse_whole(body.text_of("uptimeSeconds")).value_or(0));
    std::string config = fmt::format("{}, generation {}", text("configFile"), text("generation"));
    if (is_true(body, "changed")) config += ", changed at run time (see ottoctl diff)";
    if (!is_true(body, "changesInForce"))
        config += ", some run-time changes not applied (see ottoctl diff)";
    std::string out = console.output().table({
        {{"Otto"},
         {fmt::format("{}, {} for {}", text("version"), text("state"), span_text(uptime))}},
        {{"Service"}, {printable(how.text_of("text")), colour}},
        {{"Servers"},
         {fmt::format("{} of {} healthy", counts.text_of("healthy"), counts.text_of("total")),
          whole ? Colour::good : Colour::warning}},
        {{"Requests"}, {fmt::format("{}, {}/s", text("requests"), text("requestsPerSecond"))}},
        {{"Connections"}, {text("connections")}},
        {{"Workers"}, {text("workers")}},
        {{"Listening"}, {printable(join(body.find("listening")))}},
        {{"Configuration"}, {config}},
    });
    if (const Json* notes = how.find("notes"))
        for (const Json& note : notes->children) out += fmt::format("- {}\n", printable(note.text));
    if (!body.text_of("portCommands").empty())
        out += fmt::format("\n\"port\" is {}; to make systemd listen there, run as root:\n    {}\n",
                           printable(join(body.find("port"))), text("portCommands"));
    return console.say(asked.reply->text, out);
}

Exit servers(const Console& console) {
    const auto asked = console.ask({.method = "GET", .target = "/api/v1/servers"});
    if (!asked.reply) return asked.exit;
    std::vector<Output::Row> rows{
        {{"NAME"}, {"STATE"}, {"HEALTH"}, {"WEIGHT"}, {"ACTIVE"}, {"LATENCY"}, {"WHY"}}};
    if (const Json* list = asked.reply->body.find("servers"))
        for (const Json& server : list->children) rows.push_back(server_row(server));
    return console.say(asked.reply->text, console.output().table(rows));
}

Exit token(const Console& console) {
    const auto asked = console.ask({.method = "GET", .target = "/api/v1/token"});
    if (!asked.reply) return asked.exit;
    return console.say(asked.reply->text, fmt::format("{}\n", asked.reply->body.text_of("token")));
}

}  // namespace otto::ctl
