#include "admin/changes.h"

#include <cerrno>
#include <functional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/overlay.h"
#include "sd/journal.h"
#include "sd/state.h"

namespace otto::admin {

namespace {

constexpr std::string_view file_name = "overlay.json";

/// The reader refuses a document without servers, as nobody would write one. Changes may still take
/// the last one away, when that is forced.
LoadedConfig read_document(const Json& document) {
    constexpr const char* what = "the configuration with its changes";
    const Json* servers = document.find("servers");
    if (servers == nullptr || !servers->is_list() || !servers->children.empty())
        return parse_config(document.compact(), what);
    Json stand_in = document;
    stand_in.set("servers", Json::list().add(Json::string("http://localhost")));
    LoadedConfig loaded = parse_config(stand_in.compact(), what);
    loaded.config.servers.clear();
    return loaded;
}

std::string describe(const std::vector<ConfigProblem>& problems) {
    std::vector<std::string> texts;
    for (const ConfigProblem& problem : problems)
        texts.push_back(problem.pointer + ": " + problem.message);
    return fmt::format("{}", fmt::join(texts, "; "));
}

}  // namespace

Changes::Changes(std::optional<std::string> directory) : directory_(std::move(directory)) {}

void Changes::load() {
    if (!directory_) return;
    const auto text = load_state(*directory_, file_name);
    if (!text) {
        if (text.error().number != ENOENT)
            log(Priority::error, &messages::changes_corrupt,
                "the changes made at run time are not in force: " + text.error().message,
                {{"REASON", text.error().message}});
        return;
    }
    auto overlay = Json::parse(*text);
    if (overlay && overlay->is_object()) {
        overlay_ = std::make_shared<Json>(*std::move(overlay));
        return;
    }
    const std::string reason = overlay ? "it is no object" : overlay.error().message;
    const Status moved = set_state_aside(*directory_, file_name);
    log(Priority::error, &messages::changes_corrupt,
        fmt::format("the changes made at run time are lost, as {}/{} is damaged ({}); {}",
                    *directory_, file_name, reason,
                    moved ? "it is set aside as overlay.json.bad" : moved.error().message),
        {{"REASON", reason}});
}

LoadedConfig Changes::lay_over_file(LoadedConfig file) {
    auto parsed = Json::parse(file.source);
    if (!parsed) return file;  // what the reader has taken is JSON
    file_ = std::make_shared<Json>(*std::move(parsed));
    in_force_ = true;
    if (overlay().children.empty()) {
        adopt(file_);
        return file;
    }
    Laid laid = lay_over(*file_, overlay());
    LoadedConfig loaded = read_document(laid.document);
    if (!loaded.ok()) {
        in_force_ = false;
        adopt(file_);
        const std::string reason = describe(loaded.problems);
        log(Priority::error, &messages::changes_unfit,
            "the changes made at run time do not fit the file, which is served alone: " + reason,
            {{"REASON", reason}});
        return file;
    }
    if (!laid.unused.empty())
        log(Priority::warning, nullptr,
            fmt::format("changes of servers that are not in the file any more are left out: {}",
                        fmt::join(laid.unused, ", ")));
    adopt(std::make_shared<Json>(std::move(laid.document)));
    loaded.source = std::move(file.source);
    return loaded;
}

Changes::Proposal Changes::propose(const Json& patch) const {
    Laid laid = lay_over(document(), patch);
    const auto lists = [](const Json& changes) {
        const Json* servers = changes.find("servers");
        return servers != nullptr && servers->is_list();
    };
    return check(laid.document, std::move(laid.unused), lists(overlay()) || lists(patch));
}

Changes::Proposal Changes::propose_document(const Json& document) const {
    Proposal proposal = check(document, {}, false);
    const auto names = [](const Json& whole) {
        std::vector<std::string> list;
        if (const Json* servers = whole.find("servers"))
            for (const Json& entry : servers->children) list.push_back(server_name(entry));
        return list;
    };
    // Another order than the file's takes the whole list to say.
    if (names(proposal.document) != names(document)) proposal = check(document, {}, true);
    return proposal;
}

Changes::Proposal Changes::propose_reset() const {
    Proposal proposal = check(file(), {}, false);
    // Changes that do not fit are none of what is in force.
    proposal.changes_nothing = overlay().children.empty();
    return proposal;
}

Changes::Proposal Changes::check(const Json& document, std::vector<std::string> unknown,
                                 bool whole_list) const {
    Proposal proposal;
    proposal.overlay = overlay_between(file(), document, whole_list);
    // Exactly as the next reload has it, down to the order of servers.
    proposal.document = lay_over(file(), proposal.overlay).document;
    LoadedConfig loaded = read_document(proposal.document);
    proposal.config = std::move(loaded.config);
    proposal.problems = std::move(loaded.problems);
    proposal.unknown = std::move(unknown);
    proposal.changes_nothing = proposal.document == this->document();
    return proposal;
}

Status Changes::keep(const Proposal& proposal) {
    if (directory_) {
        const Status kept =
            proposal.overlay.children.empty()
                ? remove_state(*directory_, file_name)
                : save_state(*directory_, file_name, proposal.overlay.compact() + "\n");
        if (!kept) return kept;
    }
    overlay_ = std::make_shared<Json>(proposal.overlay);
    in_force_ = true;
    adopt(std::make_shared<Json>(proposal.document));
    return {};
}

void Changes::adopt(std::shared_ptr<const Json> document) {
    document_ = std::move(document);
    const auto hash = [](const Json& json) { return std::hash<std::string>{}(json.compact()); };
    const std::size_t version = hash(this->document());
    const std::size_t source = document_ == file_ ? version : hash(file());
    tag_ = fmt::format("\"{:016x}-{:016x}\"", version,
                       source ^ hash(overlay()) ^ (in_force_ ? 0u : 1u));
    find_touched();
}

void Changes::find_touched() {
    touched_.clear();
    const Json* servers = in_force_ ? overlay().find("servers") : nullptr;
    if (servers == nullptr) return;
    if (!servers->is_list()) {
        for (const Json& change : servers->children) touched_.insert(change.key);
        return;
    }
    // A list that replaces the file's: those that are not the same there.
    std::unordered_map<std::string, const Json*> before;
    if (const Json* list = file().find("servers"))
        for (const Json& entry : list->children) before.emplace(server_name(entry), &entry);
    for (const Json& entry : servers->children) {
        std::string name = server_name(entry);
        const auto found = before.find(name);
        if (found == before.end() || *found->second != entry) touched_.insert(std::move(name));
    }
}

bool Changes::touches(std::string_view server) const {
    if (touched_.empty()) return false;
    // The addresses of a name that is expanded are called "NAME (ADDRESS)".
    return touched_.contains(std::string(server)) ||
           touched_.contains(std::string(server.substr(0, server.rfind(" ("))));
}

}  // namespace otto::admin
