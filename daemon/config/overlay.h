#pragma once

#include <string>
#include <vector>

#include "config/json.h"

namespace otto {

// The overlay: changes made at run time, as a JSON Merge Patch (RFC 7396) over the document of
// config.json. The list of servers takes part as an object, each under its name, which is its
// normalised URL unless given: so that a patch can change, add ({"url": …}) or remove (null) one of
// them. A list in a patch replaces all servers. Pure functions of documents in the form of the
// file.

/// The name of an entry of `servers`; "" when it has neither name nor URL.
std::string server_name(const Json& entry);

/// `target` changed by `patch` (RFC 7396 §2).
Json merge_patch(Json target, const Json& patch);

/// A document with a patch laid over it.
struct Laid {
    Json document;  // in the form of the file: servers in its order, added ones last
    /// Names that the patch wants to change, though no server has them: left out. They come from
    /// servers that have gone from the file since.
    std::vector<std::string> unused;
};
Laid lay_over(const Json& document, const Json& patch);

/// The smallest overlay that makes `wanted` out of `file`: lay_over(file, overlay_between(file,
/// wanted)).document has the same members and servers. With `whole_list` it holds all servers, and
/// thereby their order.
Json overlay_between(const Json& file, const Json& wanted, bool whole_list = false);

}  // namespace otto
