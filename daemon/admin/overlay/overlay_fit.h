#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/json.h"
#include "config/load.h"
#include "config/overlay.h"

namespace otto::admin {

/// A single change of an overlay.
struct Change {
    std::string pointer;  // "/timeouts/connect", "/servers/NAME/weight"
    Json patch;           // that makes this change alone
};

/// The changes that an overlay consists of. A server that it adds or removes is one change, each
/// other member by itself.
std::vector<Change> changes_of(const Json& overlay);

/// Both overlays in one. Where they differ, `over` counts.
Json united(Json overlay, const Json& over);

/// Why a change cannot be made at run time, whatever the file says; nothing: it can.
using Forbid = std::function<std::optional<std::string>(const Change&)>;

/// What an overlay comes to over a file.
struct Fit {
    struct Misfit {
        Change change;
        std::string reason;
    };
    Json overlay;  // without the misfits
    Laid laid;
    LoadedConfig loaded;  // of what was laid
    std::vector<Misfit> misfits;
};

/// Lays as many changes as possible over a valid file. One that does not fit is left out, and the
/// others stay. Reads the document at most about 60 times; changes that were not tried by then are
/// misfits, too.
Fit fit_overlay(const Json& file, const Json& overlay, const Forbid& forbid);

/// Reads a document as a file would be read, but for an empty list of servers, which is accepted:
/// changes may remove the last one, when that is forced.
LoadedConfig read_document(const Json& document);

/// The keys of the file whose values an overlay replaces by others: "timeouts/connect",
/// "servers/NAME/weight", "servers".
std::vector<std::string> hidden_keys(const Json& file, const Json& overlay);

}  // namespace otto::admin
