#include "admin/overlay/changes.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "admin/overlay/log_path.h"
#include "base/phrases.h"
#include "config/overlay.h"
#include "config/wording.h"
#include "log/journal.h"
#include "sd/state.h"

namespace otto::admin {

namespace {

constexpr std::string_view file_name = "overlay.json";

/// More are logged as a number.
constexpr std::size_t most_logged = 10;

void log_misfits(const std::vector<Fit::Misfit>& misfits) {
    for (std::size_t at = 0; at < misfits.size() && at < most_logged; ++at) {
        const auto& [change, reason] = misfits[at];
        log(Priority::error, &messages::changes_unfit,
            fmt::format("the run-time change of {} is not applied: {}", change.pointer.substr(1),
                        reason),
            {{"POINTER", change.pointer}, {"REASON", reason}});
    }
    if (misfits.size() > most_logged)
        log(Priority::error, &messages::changes_unfit,
            fmt::format("{} more run-time changes are not applied", misfits.size() - most_logged),
            {{"POINTER", fmt::format("{} more keys", misfits.size() - most_logged)},
             {"REASON", "see the previous records"}});
}

}  // namespace

Changes::Changes(std::optional<std::string> directory, std::string config_file)
    : directory_(std::move(directory)), config_file_(std::move(config_file)) {}

void Changes::load() {
    if (!directory_) return;
    const auto text = load_state(*directory_, file_name);
    if (!text) {
        if (text.error().number != ENOENT)
            log(Priority::error, &messages::changes_corrupt,
                "the changes made at run time are not active: " + text.error().message,
                {{"REASON", text.error().message}});
        return;
    }
    auto overlay = Json::parse(*text);
    if (overlay && overlay->is_object()) {
        overlay_ = std::make_shared<Json>(*std::move(overlay));
        return;
    }
    const std::string reason = overlay ? "it is not an object" : overlay.error().message;
    const Status moved = set_state_aside(*directory_, file_name);
    log(Priority::error, &messages::changes_corrupt,
        fmt::format("the changes made at run time are lost, because {}/{} is damaged ({}); {}",
                    *directory_, file_name, reason,
                    moved ? "it was renamed to overlay.json.bad" : moved.error().message),
        {{"REASON", reason}});
}

LoadedConfig Changes::lay_over_file(LoadedConfig file) {
    auto parsed = Json::parse(file.source);
    if (!parsed) return file;  // what the reader has taken is JSON
    file_ = std::make_shared<Json>(*std::move(parsed));
    Fit fit = fit_overlay(*file_, everything(), forbid());
    misfits_ = std::move(fit.misfits);
    log_misfits(misfits_);
    overlay_ = std::make_shared<Json>(std::move(fit.overlay));
    hidden_ = hidden_keys(*file_, overlay());
    if (overlay().children.empty()) {
        adopt(file_);
        return file;
    }
    if (!fit.laid.unused.empty())
        log(Priority::warning, nullptr,
            fmt::format("ignoring {} for servers that are no longer in the file: {}",
                        counted(fit.laid.unused.size(), "change"),
                        shortened(fmt::format("{}", fmt::join(fit.laid.unused, ", ")))));
    adopt(std::make_shared<Json>(std::move(fit.laid.document)));
    LoadedConfig loaded = std::move(fit.loaded);
    loaded.source = std::move(file.source);
    confine(loaded.config);
    return loaded;
}

/// What is applied and what is not.
Json Changes::everything() const {
    Json all = Json::object();
    for (const Fit::Misfit& misfit : misfits_) all = united(std::move(all), misfit.change.patch);
    return united(std::move(all), overlay());
}

Forbid Changes::forbid() const {
    const std::string configured(file().text_of("accessLog"));
    const LogPlaces places{configured, config_file_, directory_};
    return [places](const Change& change) -> std::optional<std::string> {
        const std::string_view pointer = change.pointer;
        if (pointer == "/port")
            return fmt::format(
                "it cannot be changed at run time; change it in {} and, under systemd, in "
                "otto.socket",
                places.config_file);
        if (pointer == "/admin" || pointer.starts_with("/admin/"))
            return fmt::format(
                "it cannot be changed at run time; change it in {} and, under systemd, in "
                "otto-admin.socket",
                places.config_file);
        const std::string_view log = change.patch.text_of("accessLog");
        if (pointer != "/accessLog" || !log.starts_with('/')) return std::nullopt;
        return refuse_log_path(std::string(log), places);
    };
}

/// A log whose path comes from the API is written to a file of Otto's own only.
void Changes::confine(Config& config) const {
    config.access_log.own_file = overlay().find("accessLog") != nullptr;
}

Changes::Proposal Changes::propose(const Json& patch) const {
    Laid laid = lay_over(document(), patch);
    const auto lists = [](const Json& changes) {
        const Json* servers = changes.find("servers");
        return servers != nullptr && servers->is_list();
    };
    Proposal proposal =
        check(laid.document, std::move(laid.unused), lists(overlay()) || lists(patch));
    // What the patch is about is decided by it alone.
    for (const Change& change : changes_of(patch))
        std::erase_if(proposal.misfits, [&change](const Fit::Misfit& misfit) {
            return misfit.change.pointer == change.pointer;
        });
    return proposal;
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
    proposal.misfits.clear();
    return proposal;
}

Changes::Proposal Changes::propose_reset() const {
    Proposal proposal = check(file(), {}, false);
    proposal.misfits.clear();
    proposal.resets = true;
    proposal.changes_nothing = overlay().children.empty() && misfits_.empty();
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
    proposal.misfits = misfits_;
    const Forbid forbidden = forbid();
    for (const Change& change : changes_of(proposal.overlay)) {
        // What is in force already was allowed when it came.
        if (const auto reason = forbidden(change); reason && !is_in_force(change))
            proposal.problems.push_back({"the changes", 0, 0, change.pointer, *reason});
    }
    proposal.config.access_log.own_file = proposal.overlay.find("accessLog") != nullptr;
    proposal.unknown = std::move(unknown);
    proposal.changes_nothing = proposal.document == this->document();
    return proposal;
}

bool Changes::is_in_force(const Change& change) const {
    const Json& one = change.patch.children.front();
    const Json* now = overlay().find(one.key);
    return now != nullptr && *now == one;
}

Status Changes::keep(const Proposal& proposal) {
    Json all = Json::object();
    for (const Fit::Misfit& misfit : proposal.misfits)
        all = united(std::move(all), misfit.change.patch);
    all = united(std::move(all), proposal.overlay);
    if (directory_) {
        const Status kept = all.children.empty()
                                ? remove_state(*directory_, file_name)
                                : save_state(*directory_, file_name, all.compact() + "\n");
        if (!kept) return kept;
    }
    overlay_ = std::make_shared<Json>(proposal.overlay);
    misfits_ = proposal.misfits;
    hidden_ = hidden_keys(file(), overlay());
    adopt(std::make_shared<Json>(proposal.document));
    return {};
}

void Changes::adopt(std::shared_ptr<const Json> document) {
    document_ = std::move(document);
    const auto hash = [](const Json& json) { return std::hash<std::string>{}(json.compact()); };
    const std::size_t version = hash(this->document());
    const std::size_t source = document_ == file_ ? version : hash(file());
    tag_ = fmt::format("\"{:016x}-{:016x}\"", version, source ^ hash(overlay()) ^ misfits_.size());
    find_touched();
}

void Changes::find_touched() {
    touched_.clear();
    const Json* servers = overlay().find("servers");
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

std::string Changes::note() const {
    const auto some = [](const auto& list, auto name) {
        constexpr std::size_t most = 3;
        std::string text;
        for (std::size_t at = 0; at < list.size() && at < most; ++at)
            text += (at == 0 ? "" : ", ") + std::string(name(list[at]));
        if (list.size() > most) text += fmt::format(" and {} more", list.size() - most);
        return text;
    };
    std::string line;
    if (!misfits_.empty())
        line = fmt::format("{} run-time {} not applied: {}", misfits_.size(),
                           misfits_.size() == 1 ? "change is" : "changes are",
                           some(misfits_, [](const Fit::Misfit& misfit) {
                               return misfit.change.pointer.substr(1);
                           }));
    if (!hidden_.empty())
        line += std::string(line.empty() ? "" : "; ") +
                "run-time changes override these keys of the file: " +
                some(hidden_, [](const std::string& key) { return key; });
    return line;
}

}  // namespace otto::admin
