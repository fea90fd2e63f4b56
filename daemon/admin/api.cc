#include "admin/api.h"

#include <utility>

#include <fmt/format.h>

#include "admin/problem.h"
#include "admin/render.h"

namespace otto::admin {

namespace {

/// Whether `path` is the route's; `id` is what stands for its "*".
bool matches(std::string_view route, std::string_view path, std::string_view& id) {
    if (!route.ends_with('*')) return route == path;
    route.remove_suffix(1);
    if (!path.starts_with(route) || path.size() == route.size()) return false;
    id = path.substr(route.size());
    return id.find('/') == std::string_view::npos;
}

bool lists(std::string_view tags, std::string_view tag) {
    return tags == "*" || tags.find(tag) != std::string_view::npos;
}

}  // namespace

Result<std::unique_ptr<Api>> Api::open(const Loop& loop, Control& control, Changes& changes,
                                       std::optional<std::string> state_directory) {
    std::unique_ptr<Api> api(new Api(loop, control, changes, std::move(state_directory)));
    Api* const self = api.get();
    auto server = http::PlainServer::open(
        loop, [self](const http::PlainRequest& request, std::uint64_t ticket) {
            self->handle(request, ticket);
        });
    if (!server) return server.error();
    api->server_ = std::move(*server);
    return api;
}

Api::Api(const Loop& loop, Control& control, Changes& changes,
         std::optional<std::string> state_directory)
    : control_(control),
      changes_(changes),
      token_(std::move(state_directory)),
      release_timer_(loop, [this] { release(); }) {}

const std::vector<Api::Route>& Api::routes() {
    static const std::vector<Route> table{
        {"GET", "/api/v1/status", &Api::get_status},
        {"GET", "/api/v1/servers", &Api::get_servers},
        {"POST", "/api/v1/servers", &Api::add_server, true},
        {"GET", "/api/v1/servers/*", &Api::get_server},
        {"PATCH", "/api/v1/servers/*", &Api::patch_server, true},
        {"DELETE", "/api/v1/servers/*", &Api::remove_server, true},
        {"GET", "/api/v1/config", &Api::get_config},
        {"PATCH", "/api/v1/config", &Api::patch_config, true},
        {"POST", "/api/v1/config/check", &Api::check_config},
        {"DELETE", "/api/v1/config/overlay", &Api::drop_changes, true},
        {"POST", "/api/v1/reload", &Api::reload, true},
        {"GET", "/api/v1/token", &Api::get_token},
        {"GET", "/healthz", &Api::get_healthz},
        {"GET", "/readyz", &Api::get_readyz},
    };
    return table;
}

void Api::handle(const http::PlainRequest& request, std::uint64_t ticket) {
    Answer reply = refuse_stranger(request, token_);
    if (!reply) reply = answer(request, ticket);
    if (reply) server_->reply(ticket, *reply);
}

Api::Answer Api::answer(const http::PlainRequest& request, std::uint64_t ticket) {
    std::string_view method = request.method;
    if (method == "HEAD") method = "GET";
    std::string allowed;
    for (const Route& route : routes()) {
        std::string_view id;
        if (!matches(route.path, request.path, id)) continue;
        if (route.method != method) {
            allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
            continue;
        }
        if (route.changes)
            if (Answer refusal = check_precondition(request)) return refusal;
        const auto parameter = [&request](std::string_view name) {
            return http::PlainServer::parameter(request.query, name);
        };
        return (this->*route.handle)({.request = request,
                                      .ticket = ticket,
                                      .id = http::PlainServer::decode(id),
                                      .forced = parameter("force") == "true",
                                      .wait = parameter("wait") == "drained"});
    }
    if (allowed.empty())
        return problem(404, "There is nothing here; the API begins at /api/v1/status.");
    http::PlainReply refusal = problem(405, "This can be asked with: " + allowed + ".");
    refusal.fields.emplace_back("Allow", allowed);
    return refusal;
}

Api::Answer Api::check_precondition(const http::PlainRequest& request) const {
    const std::string* tags = request.field("If-Match");
    if (tags == nullptr || lists(*tags, changes_.tag())) return std::nullopt;
    return with_tag(problem(412, "The configuration has changed since it was read."));
}

http::PlainReply Api::with_tag(http::PlainReply reply) const {
    reply.fields.emplace_back("ETag", changes_.tag());
    return reply;
}

Api::Answer Api::get_status(const Call&) {
    return json_reply(200, render_status(control_, changes_));
}

Api::Answer Api::get_token(const Call& call) {
    if (!call.request.local)
        return problem(403, "The token is told over the UNIX socket only: `ottoctl token`.");
    const auto token = token_.get();
    if (!token) return problem(500, token.error().message);
    return json_reply(200, Json::object().set("token", Json::string(*token)));
}

Api::Answer Api::get_healthz(const Call&) {
    return http::PlainReply{.status = 200, .body = "ok\n", .type = "text/plain", .fields = {}};
}

Api::Answer Api::get_readyz(const Call&) {
    const bool ready = control_.overview().ready;
    return http::PlainReply{.status = ready ? 200u : 503u,
                            .body = ready ? "ready\n" : "no server takes requests\n",
                            .type = "text/plain",
                            .fields = {}};
}

}  // namespace otto::admin
