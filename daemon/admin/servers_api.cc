#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "admin/api.h"
#include "admin/problem.h"
#include "admin/render.h"
#include "config/json_tree.h"
#include "config/locator.h"
#include "config/overlay.h"
#include "config/units.h"
#include "config/wording.h"

namespace otto::admin {

namespace {

constexpr Duration default_wait = std::chrono::seconds(60);
constexpr Duration longest_wait = std::chrono::hours(24);

/// What PATCH can change, and what holds where the file says nothing.
constexpr std::pair<std::string_view, std::string_view> defaults[] = {
    {"weight", "1"}, {"state", "active"}, {"backup", "false"}, {"maxConnections", "0"}};
constexpr std::string_view changeable[] = {"weight", "state", "backup", "maxConnections"};

/// Where in a document the server stands, as a JSON pointer.
std::string pointer_of(const Json& document, const std::string& name) {
    const Json* servers = document.find("servers");
    if (servers == nullptr) return "";
    for (std::size_t at = 0; at < servers->children.size(); ++at)
        if (server_name(servers->children[at]) == name) return pointer_to("/servers", at);
    return "";
}

Json patch_of(const std::string& name, Json change) {
    return Json::object().set("servers", Json::object().set(name, std::move(change)));
}

/// Members at their default that the file leaves out: it is not to be told them, either, so that a
/// server that is drained and enabled again is as before.
Json without_defaults(Json patch, const Json& file, const std::string& name) {
    const Json* servers = file.find("servers");
    if (servers == nullptr) return patch;
    const auto entry = std::ranges::find_if(
        servers->children, [&name](const Json& each) { return server_name(each) == name; });
    for (const auto& [key, fallback] : defaults) {
        const bool in_file = entry != servers->children.end() && entry->find(key) != nullptr;
        const Json* value = patch.find(key);
        const bool is_default =
            value != nullptr && value->text == fallback && value->is_string() == (key == "state");
        if (!in_file && is_default) patch.set(key, Json{});
    }
    return patch;
}

Duration wait_of(const PlainRequest& request) {
    const auto wait = parse_duration(request.parameter("timeout"));
    return std::min(wait.value_or(default_wait), longest_wait);
}

bool gets_requests(const ServerConfig& server) {
    return server.state == ServerState::active && server.weight > 0;
}

}  // namespace

// ---- finding them ------------------------------------------------------------------------------

const ServerConfig* Api::find_server(std::string_view id) {
    return index_.find(control_.shared_snapshot(), id);
}

PlainReply Api::unknown_server(const std::string& id) const {
    // Comparing with thousands takes too long.
    constexpr std::size_t most_compared = 200;
    std::vector<std::string_view> names;
    const auto& servers = control_.snapshot().config.servers;
    if (servers.size() <= most_compared)
        for (const ServerConfig& server : servers) {
            names.push_back(server.name);
            names.push_back(server.url);
        }
    const std::string meant = did_you_mean(id, names);
    return problem(404,
                   fmt::format("There is no server {}{}", quoted(id), meant.empty() ? "." : meant));
}

// ---- handlers ----------------------------------------------------------------------------------

Api::Answer Api::get_servers(const Call& call) {
    return render(call, Renderings::Kind::servers);
}

Api::Answer Api::get_server(const Call& call) {
    const ServerConfig* server = find_server(call.id);
    if (server == nullptr) {
        // An address of an expanded name can be looked at, though not changed by itself.
        const Member* found = index_.find_member(call.id);
        if (found == nullptr) return unknown_server(call.id);
        return with_tag(json_reply(200, render_server(*found, control_, changes_, now())));
    }
    const auto members = index_.members_of(*server);
    if (call.wait) {
        if (gets_requests(*server))
            return problem(409, fmt::format("Server {} is not being drained.", server->name));
        std::vector<std::shared_ptr<Server>> servers;
        for (const Member* member : members) servers.push_back(member->server);
        return hold(call, server->name, std::move(servers));
    }
    if (members.empty()) return unknown_server(call.id);
    Json json = render_server(*members.front(), control_, changes_, now());
    std::uint64_t active = 0;
    for (const Member* member : members) active += member->server->active();
    json.set("active", Json::number(active));
    return with_tag(json_reply(200, json));
}

Api::Answer Api::add_server(const Call& call) {
    auto body = Json::parse(call.request.body);
    if (!body) return malformed(call.request.body);
    if (body->is_string()) body = Json::object().set("url", *body);
    if (!body->is_object()) return wrong_type("The body must be an object with \"url\".");
    const Json* url = body->find("url");
    if (url == nullptr || !url->is_string())
        return problem(422, "A server needs a \"url\".", {{"/url", "expected a string"}});
    const auto parsed = parse_server_url(url->text);
    if (!parsed) return problem(422, parsed.error().message, {{"/url", parsed.error().message}});

    const std::string name = server_name(*body);
    if (const Json* servers = changes_.document().find("servers")) {
        for (const Json& each : servers->children) {
            if (server_name(each) != name) continue;
            const Json same = each.is_string() ? Json::object().set("url", each) : each;
            if (merge_patch(same, *body) == same)
                return get_server({call.request, 0, name, false, false});
            return problem(409, fmt::format("A server named {} already exists.", quoted(name)));
        }
    }
    if (const ServerConfig* same = find_server(url->text))
        return problem(409, fmt::format("Server {} already has this URL.", quoted(same->name)));
    Changes::Proposal proposal = changes_.propose(patch_of(name, *body));
    const std::string pointer = pointer_of(proposal.document, name);
    if (Answer refusal = apply(call, std::move(proposal), pointer)) return refusal;
    Answer reply = get_server({call.request, 0, name, false, false});
    reply->status = 201;
    reply->fields.emplace_back("Location", "/api/v1/servers/" + server_id(parsed->url));
    return reply;
}

Api::Answer Api::patch_server(const Call& call) {
    const ServerConfig* server = find_server(call.id);
    if (server == nullptr) return unknown_server(call.id);
    const auto body = Json::parse(call.request.body);
    if (!body) return malformed(call.request.body);
    if (!body->is_object()) return wrong_type("The body must be an object.");
    for (const Json& member : body->children) {
        if (std::ranges::find(changeable, member.key) != std::end(changeable)) continue;
        const std::vector<std::string_view> known(std::begin(changeable), std::end(changeable));
        const std::string meant = did_you_mean(member.key, known);
        const std::string detail =
            fmt::format("cannot be changed; expected {}{}", alternatives(known), meant);
        return problem(422, quoted(member.key) + " " + detail,
                       {{pointer_to("", member.key), detail}});
    }
    const std::string name = server->name;
    Changes::Proposal proposal =
        changes_.propose(patch_of(name, without_defaults(*body, changes_.file(), name)));
    const std::string pointer = pointer_of(proposal.document, name);
    if (Answer refusal = apply(call, std::move(proposal), pointer)) return refusal;
    const bool wait = call.wait && !gets_requests(*find_server(name));
    return get_server({call.request, call.ticket, name, false, wait});
}

/// Requests under way end as they began: the server's object outlives its place in the
/// configuration.
Api::Answer Api::remove_server(const Call& call) {
    const ServerConfig* server = find_server(call.id);
    if (server == nullptr) return unknown_server(call.id);
    const std::string name = server->name;
    std::vector<std::shared_ptr<Server>> servers;
    for (const Member* member : index_.members_of(*server)) servers.push_back(member->server);
    if (Answer refusal = apply(call, changes_.propose(patch_of(name, Json{})))) return refusal;
    if (call.wait) return hold(call, name, std::move(servers));
    return with_tag({.status = 204, .body = "", .type = "", .fields = {}});
}

// ---- waiting -----------------------------------------------------------------------------------

Api::Answer Api::hold(const Call& call, const std::string& name,
                      std::vector<std::shared_ptr<Server>> servers) {
    waiters_.hold({.ticket = call.ticket,
                   .local = call.request.local,
                   .name = name,
                   .servers = std::move(servers),
                   .deadline = now() + wait_of(call.request)});
    return std::nullopt;
}

void Api::release(const Waiters::Waiter& waiter, bool drained, std::uint64_t active) {
    server_->reply(waiter.ticket, json_reply(200, Json::object()
                                                      .set("name", Json::string(waiter.name))
                                                      .set("active", Json::number(active))
                                                      .set("drained", Json::boolean(drained))));
}

// ---- checks ------------------------------------------------------------------------------------

Api::Answer Api::check_server(const Call& call) {
    const auto body = Json::parse(call.request.body);
    if (!body) return malformed(call.request.body);
    const std::string id(body->text_of("url"));
    if (id.empty()) return wrong_type("The body must be an object with \"url\".");
    const ServerConfig* known = find_server(id);
    const auto parsed = parse_server_url(with_scheme(id));
    if (known == nullptr && !parsed)
        return problem(
            422,
            fmt::format("{} is neither a server nor a URL: {}", quoted(id), parsed.error().message),
            {{"/url", parsed.error().message}});
    const ServerConfig& server = known != nullptr ? *known : *parsed;
    const bool started =
        control_.check_server(server, [this, ticket = call.ticket, url = server.url,
                                       name = server.name](const Control::Checked& checked) {
            const std::chrono::duration<double, std::milli> took = checked.took;
            server_->reply(ticket,
                           json_reply(200, Json::object()
                                               .set("name", Json::string(name))
                                               .set("url", Json::string(url))
                                               .set("passed", Json::boolean(checked.passed))
                                               .set("reason", Json::string(checked.reason))
                                               .set("address", Json::string(checked.address))
                                               .set("milliseconds", Json::decimal(took.count()))));
        });
    if (!started) return busy("Too many servers are being checked.");
    return std::nullopt;
}

}  // namespace otto::admin
