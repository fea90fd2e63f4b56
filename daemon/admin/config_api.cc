#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "admin/api.h"
#include "admin/deeds.h"
#include "admin/preconditions.h"
#include "admin/problem.h"
#include "config/json_tree.h"
#include "log/journal.h"

namespace otto::admin {

namespace {

bool receives(const ServerConfig& server) {
    return server.state == ServerState::active && server.weight > 0;
}

}  // namespace

Api::Answer Api::get_config(const Call& call) {
    const bool known = call.request.method == "GET" && call.request.field("If-None-Match") &&
                       !if_none_match(call.request.joined("If-None-Match"), changes_.tag());
    if (known) return with_tag({.status = 304, .body = {}, .type = {}, .fields = {}});
    return render(call, Renderings::Kind::config);
}

Api::Answer Api::patch_config(const Call& call) {
    const auto patch = Json::parse(call.request.body);
    if (!patch) return malformed(call.request.body);
    if (!patch->is_object())
        return wrong_type("The body must be an object: a JSON Merge Patch (RFC 7396).");
    Changes::Proposal proposal = changes_.propose(*patch);
    if (!proposal.unknown.empty()) {
        std::vector<Fault> faults;
        for (const std::string& name : proposal.unknown)
            faults.push_back({pointer_to("/servers", name),
                              "there is no server with this name; to add one, set its \"url\""});
        return problem(422, "There is no server " + proposal.unknown.front() + ".", faults);
    }
    if (Answer refusal = apply(call, std::move(proposal))) return refusal;
    return get_config(call);
}

Api::Answer Api::put_config(const Call& call) {
    const auto document = Json::parse(call.request.body);
    if (!document) return malformed(call.request.body);
    // As a file would be, so that lines and columns are those of the body.
    const LoadedConfig loaded = parse_config(call.request.body, "body");
    if (!loaded.ok()) return invalid(loaded.problems, "", Positions::of_body);
    if (Answer refusal = apply(call, changes_.propose_document(*document))) return refusal;
    return get_config(call);
}

Api::Answer Api::check_config(const Call& call) {
    const LoadedConfig loaded = parse_config(call.request.body, "body");
    if (!loaded.ok()) return invalid(loaded.problems, "", Positions::of_body);
    return json_reply(200, Json::object()
                               .set("ok", Json::boolean(true))
                               .set("servers", Json::number(loaded.config.servers.size())));
}

Api::Answer Api::drop_changes(const Call& call) {
    if (!changes_.has_file()) return problem(409, "No configuration is active.");
    if (Answer refusal = apply(call, changes_.propose_reset())) return refusal;
    return get_config(call);
}

Api::Answer Api::reload(const Call&) {
    const std::vector<ConfigProblem> problems = control_.reload_file();
    if (!problems.empty()) return invalid(problems, "", Positions::of_file);
    return with_tag(
        json_reply(200, Json::object()
                            .set("generation", Json::number(control_.snapshot().generation))
                            .set("changesInForce", Json::boolean(changes_.in_force()))));
}

/// Whether nothing speaks against this server's answering requests: it is to receive some, and is
/// not known to be unhealthy or ejected. One that is new has its chance.
bool Api::may_answer(const ServerConfig& server) {
    if (!receives(server)) return false;
    const ServerConfig* before = find_server(server.name);
    if (before == nullptr || before->url != server.url) return true;
    const auto members = index_.members_of(*before);
    return members.empty() || std::ranges::any_of(members, [this](const Member* member) {
               return member->server->health() != Health::unhealthy &&
                      !control_.condition(*member, now()).ejected;
           });
}

Api::Answer Api::refuse_outage(const Config& config) {
    constexpr const char* anyway = " To do it anyway, use --force or ?force=true.";
    const auto& before = control_.snapshot().config.servers;
    const auto answers = [this](const ServerConfig& server) { return may_answer(server); };
    if (std::ranges::none_of(config.servers, receives) && std::ranges::any_of(before, receives))
        return outage(
            std::string("No active server would be left, and all requests would fail.") + anyway,
            "active");
    if (std::ranges::none_of(config.servers, answers) && std::ranges::any_of(before, answers))
        return outage(std::string("No healthy server would be left, and requests would go to "
                                  "unhealthy ones.") +
                          anyway,
                      "healthy");
    return std::nullopt;
}

Api::Answer Api::apply(const Call& call, Changes::Proposal proposal, const std::string& prefix) {
    if (!changes_.has_file())
        return problem(409, "No configuration is active: correct the file, then reload.");
    if (!proposal.problems.empty()) return invalid(proposal.problems, prefix);
    if (proposal.changes_nothing && proposal.misfits.size() == changes_.misfits().size())
        return std::nullopt;
    if (!call.forced)
        if (Answer refusal = refuse_outage(proposal.config)) return refusal;
    const std::string actor = describe_actor(call.request);
    const std::string deed = proposal.resets
                                 ? "dropped all run-time changes"
                                 : describe_deed(changes_.document(), proposal.document);
    const Status kept = changes_.keep(proposal);
    if (!kept) return problem(500, "The change cannot be saved: " + kept.error().message);
    const bool lasts = proposal.resets || changes_.outlive_restart();
    log(Priority::notice, &messages::changed_at_runtime,
        fmt::format("{} {}{}", actor, deed, lasts ? "" : " (until Otto restarts)"),
        {{"USER", actor},
         {"CHANGE", deed},
         {"PEER", call.request.peer},
         {"REQUEST", call.request.method + " " + call.request.path},
         {"OVERLAY", changes_.overlay().compact().substr(0, 4096)}});
    control_.apply(std::move(proposal.config));
    return std::nullopt;
}

}  // namespace otto::admin
