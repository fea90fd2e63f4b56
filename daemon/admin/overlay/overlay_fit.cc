#include "admin/overlay/overlay_fit.h"

#include <span>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/json_tree.h"

namespace otto::admin {

namespace {

constexpr unsigned most_reads = 60;

Json inside(std::string_view key, Json value) {
    return Json::object().set(key, std::move(value));
}

std::string describe(const std::vector<ConfigProblem>& problems) {
    std::vector<std::string> texts;
    for (const ConfigProblem& problem : problems)
        texts.push_back(problem.pointer + ": " + problem.message);
    return fmt::format("{}", fmt::join(texts, "; "));
}

void add_servers(std::vector<Change>& changes, const Json& servers) {
    for (const Json& server : servers.children) {
        const std::string pointer = pointer_to("/servers", server.key);
        const auto add = [&](const std::string& where, Json value) {
            changes.push_back({where, inside("servers", inside(server.key, std::move(value)))});
        };
        if (!server.is_object() || server.find("url") != nullptr || server.children.empty()) {
            add(pointer, server);
            continue;
        }
        for (const Json& member : server.children)
            add(pointer_to(pointer, member.key), inside(member.key, member));
    }
}

/// The overlay that consists of these changes.
Json combined(std::span<const Change> changes) {
    Json overlay = Json::object();
    Json servers = Json::object();
    std::unordered_map<std::string_view, std::size_t> places;
    for (const Change& change : changes) {
        const Json& member = change.patch.children.front();
        if (member.key != "servers" || !member.is_object() || member.children.empty()) {
            overlay = united(std::move(overlay), change.patch);
            continue;
        }
        const Json& server = member.children.front();
        const auto [place, added] = places.emplace(server.key, servers.children.size());
        if (added) {
            servers.children.push_back(server);
        } else {
            Json& before = servers.children[place->second];
            before = united(std::move(before), server);
            before.key = server.key;
        }
    }
    if (!servers.children.empty()) overlay.set("servers", std::move(servers));
    return overlay;
}

/// Tries changes on top of each other, more and more closely where they do not fit.
class Fitting {
  public:
    explicit Fitting(const Json& file) : file_(file) { fit_.overlay = Json::object(); }

    void add(std::span<const Change> changes) {
        if (changes.empty() || try_all(united(fit_.overlay, combined(changes)))) return;
        if (changes.size() == 1 || reads_ >= most_reads) {
            for (const Change& each : changes) fit_.misfits.push_back({each, reason_});
            return;
        }
        const std::size_t half = changes.size() / 2;
        add(changes.first(half));
        add(changes.subspan(half));
    }

    void leave_out(const Change& change, std::string reason) {
        fit_.misfits.push_back({change, std::move(reason)});
    }

    Fit take() {
        if (!fit_.loaded.ok() || fit_.overlay.children.empty()) {
            fit_.laid = lay_over(file_, fit_.overlay);
            fit_.loaded = read_document(fit_.laid.document);
        }
        return std::move(fit_);
    }

    /// Whether this overlay fits, which then is the one so far.
    bool try_all(Json overlay) {
        ++reads_;
        Laid laid = lay_over(file_, overlay);
        LoadedConfig loaded = read_document(laid.document);
        if (!loaded.ok()) {
            reason_ = describe(loaded.problems);
            return false;
        }
        fit_.overlay = std::move(overlay);
        fit_.laid = std::move(laid);
        fit_.loaded = std::move(loaded);
        return true;
    }

  private:
    const Json& file_;
    Fit fit_;
    unsigned reads_ = 0;
    std::string reason_;  // of the last try that failed
};

}  // namespace

std::vector<Change> changes_of(const Json& overlay) {
    std::vector<Change> changes;
    for (const Json& member : overlay.children) {
        if (!member.is_object() || member.children.empty()) {
            changes.push_back({pointer_to("", member.key), inside(member.key, member)});
        } else if (member.key == "servers") {
            add_servers(changes, member);
        } else {
            for (const Json& inner : member.children)
                changes.push_back({pointer_to(pointer_to("", member.key), inner.key),
                                   inside(member.key, inside(inner.key, inner))});
        }
    }
    return changes;
}

Json united(Json overlay, const Json& over) {
    if (!overlay.is_object() || !over.is_object()) return over;
    std::unordered_map<std::string, std::size_t> places;
    for (const Json& member : overlay.children) places.emplace(member.key, places.size());
    for (const Json& member : over.children) {
        const auto [place, added] = places.emplace(member.key, places.size());
        if (added) {
            overlay.children.push_back(member);
        } else {
            Json& before = overlay.children[place->second];
            before = united(std::move(before), member);
            before.key = member.key;
        }
    }
    return overlay;
}

Fit fit_overlay(const Json& file, const Json& overlay, const Forbid& forbid) {
    Fitting fitting(file);
    Json few = overlay;
    few.erase("servers");
    Json allowed = overlay;
    for (const Change& change : changes_of(few))
        if (auto reason = forbid(change)) {
            fitting.leave_out(change, *std::move(reason));
            allowed.erase(change.patch.children.front().key);
        }
    if (!allowed.children.empty() && !fitting.try_all(allowed)) fitting.add(changes_of(allowed));
    return fitting.take();
}

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

std::vector<std::string> hidden_keys(const Json& file, const Json& overlay) {
    std::unordered_map<std::string, const Json*> servers;
    const Json* list = file.find("servers");
    const Json* changed = overlay.find("servers");
    if (list != nullptr && changed != nullptr && changed->is_object())
        for (const Json& entry : list->children) servers.emplace(server_name(entry), &entry);
    std::vector<std::string> hidden;
    const auto add = [&hidden](std::string key, const Json* in_file, const Json& value) {
        if (in_file != nullptr && *in_file != value) hidden.push_back(std::move(key));
    };
    for (const Json& member : overlay.children) {
        const Json* in_file = file.find(member.key);
        if (member.key == "servers" && member.is_object()) {
            for (const Json& server : member.children) {
                const auto entry = servers.find(server.key);
                if (entry == servers.end()) continue;
                if (!server.is_object()) hidden.push_back("servers/" + server.key);
                for (const Json& inner : server.children)
                    add(fmt::format("servers/{}/{}", server.key, inner.key),
                        entry->second->find(inner.key), inner);
            }
        } else if (member.is_object() && in_file != nullptr && in_file->is_object()) {
            for (const Json& inner : member.children)
                add(member.key + "/" + inner.key, in_file->find(inner.key), inner);
        } else {
            add(member.key, in_file, member);
        }
    }
    return hidden;
}

}  // namespace otto::admin
