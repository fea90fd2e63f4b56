#include "admin/api.h"

#include <utility>

#include <fmt/format.h>

#include "admin/large_replies.h"
#include "admin/preconditions.h"
#include "admin/problem.h"
#include "admin/render.h"
#include "base/phrases.h"
#include "config/units.h"
#include "config/wording.h"
#include "log/journal.h"

namespace otto::admin {

namespace {

/// Whether `path` is the route's; `id` is what stands for its "*".
bool matches(std::string_view route, std::string_view path, std::string_view& id) {
    if (!route.ends_with('*')) return route == path;
    route.remove_suffix(1);
    if (!path.starts_with(route) || path.size() == route.size()) return false;
    if (path.find('/', route.size()) != std::string_view::npos) return false;
    id = path.substr(route.size());
    return true;
}

/// A body without a type may be anything, and is taken for JSON; so is what curl(1) says of one by
/// itself. Web pages of elsewhere, which can say that too, are refused for other reasons
/// (access.h).
bool may_be_json(const PlainRequest& request) {
    const std::string* type = request.field("Content-Type");
    if (type == nullptr) return true;
    const std::string_view essence = std::string_view(*type).substr(0, type->find_first_of("; \t"));
    return essence == "application/json" || essence == "application/x-www-form-urlencoded" ||
           (essence.starts_with("application/") && essence.ends_with("+json"));
}

/// What is wrong with the parameters that are given, whether or not this request needs them.
std::optional<PlainReply> judge_parameters(const PlainRequest& request) {
    const auto bad = [](std::string_view name, const std::string& value, std::string_view wanted) {
        return problem(400, fmt::format("The parameter \"{}\" is {}; expected {}.", name,
                                        quoted(value), wanted));
    };
    const std::string forced = request.parameter("force");
    if (!forced.empty() && forced != "true" && forced != "false")
        return bad("force", forced, "\"true\" or \"false\"");
    const std::string wait = request.parameter("wait");
    if (!wait.empty() && wait != "drained") return bad("wait", wait, "\"drained\"");
    const std::string timeout = request.parameter("timeout");
    if (!timeout.empty() && !parse_duration(timeout))
        return bad("timeout", timeout, "a duration such as \"30s\"");
    return std::nullopt;
}

PlainReply serve(const Asset& asset, const PlainRequest& request) {
    PlainReply reply{.status = 200, .body = {}, .type = {}, .fields = page_headers()};
    reply.fields.emplace_back("ETag", asset.tag);
    const bool known = request.field("If-None-Match") != nullptr &&
                       !if_none_match(request.joined("If-None-Match"), asset.tag);
    if (known) {
        reply.status = 304;
        return reply;
    }
    reply.shared = {asset.body, nullptr};
    reply.type = asset.type;
    return reply;
}

}  // namespace

Result<std::unique_ptr<Api>> Api::open(const Loop& loop, Control& control, Changes& changes,
                                       std::optional<std::string> state_directory) {
    std::unique_ptr<Api> api(new Api(loop, control, changes, std::move(state_directory)));
    Api* const self = api.get();
    auto server = PlainServer::open(
        loop, {.on_head =
                   [self](const PlainRequest& request) {
                       Answer refusal = self->judge_head(request);
                       if (refusal) ++self->requests_;
                       return refusal;
                   },
               .on_request = [self](const PlainRequest& request,
                                    std::uint64_t ticket) { self->handle(request, ticket); },
               .on_gone = [self](std::uint64_t ticket) { self->client_gone(ticket); },
               .on_paused =
                   [](const char* reason) {
                       log(Priority::warning, nullptr,
                           fmt::format("the admin API is not accepting connections: {}", reason),
                           {{"REASON", reason}});
                   },
               .on_evicted = [self] { self->connection_evicted(); }});
    if (!server) return server.error();
    api->server_ = std::move(*server);
    return api;
}

Api::Api(const Loop& loop, Control& control, Changes& changes,
         std::optional<std::string> state_directory)
    : control_(control),
      changes_(changes),
      token_(std::move(state_directory)),
      stretches_(loop),
      events_(control, changes, events_out()),
      waiters_(
          loop, [this] { return control_.in_force_everywhere(); },
          [this](const Waiters::Waiter& waiter, bool drained, std::uint64_t active) {
              release(waiter, drained, active);
          }),
      renderings_(stretches_,
                  {.begin = [this](Renderings::Kind kind) { return begin_rendering(kind); },
                   .make_room = [this](std::uint64_t ticket,
                                       std::size_t size) { server_->make_room_for(ticket, size); },
                   .answer = [this](std::uint64_t ticket,
                                    const PlainReply& reply) { server_->reply(ticket, reply); }}) {}

Events::Out Api::events_out() {
    return {.begin =
                [this](std::uint64_t listener) {
                    if (!server_->may_stream(listener)) {
                        server_->reply(listener, busy("Too many event streams are open."));
                        return false;
                    }
                    return server_->begin_stream(listener, {.status = 200,
                                                            .body = {},
                                                            .type = "text/event-stream",
                                                            .fields = api_fields()});
                },
            .push = [this](std::uint64_t listener,
                           const http::SharedText& text) { return server_->push(listener, text); },
            .end = [this](std::uint64_t listener) { server_->end_stream(listener); },
            .make_room = [this](std::uint64_t listener,
                                std::size_t size) { server_->make_room_for(listener, size); },
            .run = [this](Stretches::Job job) { stretches_.add(std::move(job)); }};
}

/// tests/integration/test_admin_routes.py holds it and otto(8) together.
const std::vector<Api::Route>& Api::routes() {
    static const std::vector<Route> table{
        {"GET", "/api/v1/status", &Api::get_status},
        {"GET", "/api/v1/servers", &Api::get_servers},
        {"POST", "/api/v1/servers", &Api::add_server, Kind::changes},
        {"GET", "/api/v1/servers/*", &Api::get_server},
        {"PATCH", "/api/v1/servers/*", &Api::patch_server, Kind::changes},
        {"DELETE", "/api/v1/servers/*", &Api::remove_server, Kind::acts},
        {"POST", "/api/v1/check-server", &Api::check_server, Kind::checks},
        {"GET", "/api/v1/config", &Api::get_config},
        {"PUT", "/api/v1/config", &Api::put_config, Kind::changes},
        {"PATCH", "/api/v1/config", &Api::patch_config, Kind::changes},
        {"POST", "/api/v1/config/check", &Api::check_config, Kind::checks},
        {"DELETE", "/api/v1/config/overlay", &Api::drop_changes, Kind::acts},
        {"POST", "/api/v1/reload", &Api::reload, Kind::acts},
        {"GET", "/api/v1/events", &Api::get_events},
        {"GET", "/api/v1/token", &Api::get_token},
        {"GET", "/healthz", &Api::get_healthz},
        {"GET", "/readyz", &Api::get_readyz},
        {"GET", "/metrics", &Api::get_metrics},
    };
    return table;
}

Api::Found Api::find_route(const PlainRequest& request) {
    std::string_view method = request.method;
    if (method == "HEAD") method = "GET";
    Found found;
    for (const Route& route : routes()) {
        if (!matches(route.path, request.path, found.id)) continue;
        found.allowed += std::string(route.method) + (route.method == "GET" ? ", HEAD, " : ", ");
        if (route.method == method) found.route = &route;
    }
    if (found.allowed.empty() && find_asset(request.path) != nullptr) {
        found.allowed = "GET, HEAD, ";
        if (method == "GET") found.asset = find_asset(request.path);
    }
    if (!found.allowed.empty()) found.allowed += "OPTIONS";
    return found;
}

/// Before the body of the request is read.
Api::Answer Api::judge_head(const PlainRequest& request) {
    if (request.refused != 0)
        return problem(request.refused,
                       fmt::format("The request was rejected: {}.", request.refusal));
    if (Answer refusal = refuse_stranger(request, token_)) return refusal;
    const Found found = find_route(request);
    if (found.allowed.empty())
        return problem(404, "This resource does not exist; the API starts at /api/v1/status.");
    if (request.method == "OPTIONS")
        return PlainReply{
            .status = 204, .body = {}, .type = {}, .fields = {{"Allow", found.allowed}}};
    if (found.asset != nullptr) return std::nullopt;
    if (found.route == nullptr) {
        PlainReply refusal = problem(405, "The allowed methods are: " + found.allowed + ".");
        refusal.fields.emplace_back("Allow", found.allowed);
        return refusal;
    }
    const bool body = found.route->kind == Kind::changes || found.route->kind == Kind::checks;
    if (body && !may_be_json(request))
        return problem(415, "The body must be JSON: \"Content-Type: application/json\", or none.");
    return judge_parameters(request);
}

void Api::handle(const PlainRequest& request, std::uint64_t ticket) {
    ++requests_;
    Answer reply = answer(request, ticket);
    if (reply) server_->reply(ticket, *reply);
}

Api::Answer Api::answer(const PlainRequest& request, std::uint64_t ticket) {
    const Found found = find_route(request);
    if (found.asset != nullptr) return serve(*found.asset, request);
    const bool changes = found.route->kind == Kind::changes || found.route->kind == Kind::acts;
    if (changes && request.field("If-Match") != nullptr &&
        !if_match(request.joined("If-Match"), changes_.version()))
        return with_tag(problem(412, "The configuration has changed since it was read."));
    const bool wait = request.parameter("wait") == "drained";
    if (wait && !(waiters_.may_hold(request.local) && server_->may_hold(request.local)))
        return busy("Too many requests are already waiting.");
    return (this->*found.route->handle)({.request = request,
                                         .ticket = ticket,
                                         .id = percent_decoded(found.id),
                                         .forced = request.parameter("force") == "true",
                                         .wait = wait});
}

void Api::client_gone(std::uint64_t ticket) {
    waiters_.forget(ticket);
    events_.leave(ticket);
    renderings_.forget(ticket);
}

PlainReply Api::with_tag(PlainReply reply) const {
    reply.fields.emplace_back("ETag", changes_.tag());
    return reply;
}

Api::Answer Api::get_status(const Call& call) {
    return render(call, Renderings::Kind::status);
}

Api::Answer Api::get_events(const Call& call) {
    if (call.request.method == "HEAD")
        return PlainReply{
            .status = 200, .body = {}, .type = "text/event-stream", .fields = api_fields()};
    if (!server_->may_stream(call.ticket)) return busy("Too many event streams are open.");
    std::optional<std::uint64_t> last;
    if (const std::string* id = call.request.field("Last-Event-ID")) last = parse_whole(*id);
    events_.join(call.ticket, last, now());
    return std::nullopt;
}

Api::Answer Api::get_token(const Call& call) {
    if (!call.request.local) return problem(403, token_.whereabouts());
    const auto token = token_.get();
    if (!token) return problem(500, token.error().message);
    return json_reply(200, Json::object().set("token", Json::string(*token)));
}

Api::Answer Api::get_healthz(const Call&) {
    return PlainReply{.status = 200, .body = "ok\n", .type = "text/plain", .fields = api_fields()};
}

Api::Answer Api::get_readyz(const Call&) {
    const bool ready = control_.ready();
    // Without a healthy server, requests may be answered all the same.
    const bool none = all_out_of_service(control_.snapshot().pools.front());
    const std::string why =
        none ? why_unavailable(control_.snapshot().pools.front()) : "no server is healthy";
    return PlainReply{.status = ready ? 200u : 503u,
                      .body = (ready ? "ready" : why) + "\n",
                      .type = "text/plain",
                      .fields = api_fields()};
}

Api::Answer Api::get_metrics(const Call& call) {
    return render(call, Renderings::Kind::metrics);
}

// ---- what grows with servers -------------------------------------------------------------------

Api::Answer Api::render(const Call& call, Renderings::Kind kind) {
    // The status takes no time that would count.
    if (kind != Renderings::Kind::status && !server_->may_hold(call.request.local))
        return busy("Too many requests are already waiting.");
    renderings_.ask(kind, call.ticket);
    return std::nullopt;
}

/// One record stands for all since the last.
void Api::connection_evicted() {
    constexpr Duration interval = std::chrono::seconds(10);
    ++evicted_.count;
    const TimePoint time = coarse_now();
    if (evicted_.last != TimePoint{} && time - evicted_.last < interval) return;
    const std::uint64_t more = evicted_.count - std::exchange(evicted_.logged, evicted_.count);
    evicted_.last = time;
    log(Priority::warning, nullptr,
        fmt::format(
            "closed {} to the admin API whose clients sent nothing or did not read, to make "
            "room for others",
            counted(more, "connection")),
        {{"CONNECTIONS", std::to_string(more)}});
}

Rendering Api::begin_rendering(Renderings::Kind kind) const {
    switch (kind) {
        case Renderings::Kind::status:
            return status_rendering(control_, changes_, token_.file());
        case Renderings::Kind::servers:
            return servers_rendering(control_, changes_);
        case Renderings::Kind::config:
            return config_rendering(control_, changes_);
        case Renderings::Kind::metrics:
            break;
    }
    metrics::Readings readings = control_.readings();
    readings.admin_requests = requests_;
    readings.admin_evicted = evicted_.count;
    return metrics_rendering(std::move(readings));
}

}  // namespace otto::admin
