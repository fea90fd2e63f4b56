#pragma once

#include <string>

#include "base/result.h"
#include "config/config.h"
#include "config/json.h"

namespace otto::ctl {

/// A file with the changes made at run time in it, checked, and not yet written.
struct Folded {
    std::string file;  // without symbolic links
    std::string text;
    Config config;
};
Result<Folded> fold(const std::string& file, const Json& changes);

/// Puts `text` in the place of `file`, which keeps its owner and mode: after a crash either the old
/// or the new text is there.
Status replace(const std::string& file, const std::string& text);

/// Writes a file that all may read, new or in the place of the one that is there.
Status write_file(const std::string& file, const std::string& text);

}  // namespace otto::ctl
