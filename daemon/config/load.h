#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace otto {

/// One thing that is wrong with a configuration: where, and what to do about it.
struct ConfigProblem {
    std::string file;
    std::size_t line = 0;    // 1-based; 0 when the file could not be read at all
    std::size_t column = 0;  // 1-based, in bytes
    std::string pointer;     // JSON pointer (RFC 6901), "" is the whole document
    std::string message;     // what was expected, what was found, "did you mean …"

    /// "FILE:LINE:COLUMN: POINTER: MESSAGE"
    std::string text() const;
};

/// A configuration, or everything that is wrong with it (never both).
struct LoadedConfig {
    Config config;
    std::string source;                   // the file's text, byte for byte
    std::vector<ConfigProblem> problems;  // in the order of the file; empty: `config` holds

    bool ok() const { return problems.empty(); }
};

/// Reads and checks a file of at most 16 MiB. An unreadable file is a problem like any other.
LoadedConfig load_config(const std::string& file);

/// Checks `source`; `file` names it in problems.
LoadedConfig parse_config(std::string_view source, const std::string& file);

}  // namespace otto
