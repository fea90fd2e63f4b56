#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "admin/overlay/overlay_fit.h"
#include "base/result.h"
#include "config/json.h"
#include "config/load.h"

namespace otto::admin {

/// The changes made at run time (config/overlay.h) and the file they lie over. They are kept as
/// "overlay.json" in the state directory; where there is none, they last until the process ends.
/// Owned by Otto; control thread.
class Changes {
  public:
    explicit Changes(std::optional<std::string> directory, std::string config_file = "the file");

    /// Reads what was kept. What cannot be read is set aside as overlay.json.bad and logged. Once,
    /// at the start.
    void load();

    /// A file that holds, with the changes over it. Changes that do not fit it, or that may not be
    /// made at run time, are logged, left out, and kept for a file that they fit.
    LoadedConfig lay_over_file(LoadedConfig file);

    /// A change that has not happened yet.
    struct Proposal {
        Json document;
        Json overlay;
        Config config;
        std::vector<ConfigProblem> problems;  // none: it can be kept
        /// Servers that it wants to change, though there are none of that name.
        std::vector<std::string> unknown;
        bool changes_nothing = false;
        bool resets = false;               // it is propose_reset()'s
        std::vector<Fit::Misfit> misfits;  // that are kept aside all the same
    };
    /// What `patch` would make of what is in force.
    Proposal propose(const Json& patch) const;
    /// A whole document in the place of what is in force.
    Proposal propose_document(const Json& document) const;
    /// The file alone.
    Proposal propose_reset() const;
    /// Keeps it for the next reload and start, on disk first: an Error changes nothing. A reset
    /// (with an empty overlay) takes the file away.
    Status keep(const Proposal& proposal);

    /// False until a file has held: there is nothing to change.
    bool has_file() const { return file_->is_object(); }
    const Json& file() const { return *file_; }
    const Json& overlay() const { return *overlay_; }
    /// What is in force, in the form of the file.
    const Json& document() const { return *document_; }
    /// The same, as they are now.
    struct Documents {
        std::shared_ptr<const Json> file, overlay, document;
    };
    Documents documents() const { return {file_, overlay_, document_}; }
    /// False without a state directory: a restart drops them.
    bool outlive_restart() const { return directory_.has_value(); }
    /// False when some changes do not fit the file, which misfits() names.
    bool in_force() const { return misfits_.empty(); }
    const std::vector<Fit::Misfit>& misfits() const { return misfits_; }
    /// Keys of the file whose values are replaced by those of changes, as hidden_keys() has them.
    const std::vector<std::string>& hidden() const { return hidden_; }
    /// What operators should know about the changes, as one line: those that are not applied, and
    /// keys of the file that others replace. Often "".
    std::string note() const;
    /// Whether anything about a server of this name (Member::name) comes from the changes.
    bool touches(std::string_view server) const;
    /// An entity tag (RFC 9110 §8.8.3) of the file, the changes, and what is in force. It begins
    /// with version(), of what is in force alone.
    const std::string& tag() const { return tag_; }
    std::string_view version() const { return std::string_view(tag_).substr(0, version_length); }

  private:
    static constexpr std::size_t version_length = 18;  // a quote, 16 digits, a dash

    void adopt(std::shared_ptr<const Json> document);
    void find_touched();
    Json everything() const;
    Forbid forbid() const;
    void confine(Config& config) const;
    bool is_in_force(const Change& change) const;
    Proposal check(const Json& document, std::vector<std::string> unknown, bool whole_list) const;

    const std::optional<std::string> directory_;
    const std::string config_file_;
    std::shared_ptr<const Json> file_ = std::make_shared<Json>();
    std::shared_ptr<const Json> overlay_ = std::make_shared<Json>(Json::object());
    std::shared_ptr<const Json> document_ = std::make_shared<Json>();
    std::vector<Fit::Misfit> misfits_;
    std::vector<std::string> hidden_;
    std::string tag_;
    std::unordered_set<std::string> touched_;  // names of servers
};

}  // namespace otto::admin
