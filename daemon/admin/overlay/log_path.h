#pragma once

#include <optional>
#include <string>

namespace otto::admin {

/// What limits the paths that a client of the API may give the access log.
struct LogPlaces {
    std::string configured;  // the file's accessLog; its folder is allowed if it is a path
    std::string config_file;
    std::optional<std::string> state_directory;
};

/// Why the access log may not be written to `path`; nothing: it may. Allowed are names in the
/// folder of the configured log and in /var/log/otto, where there is no such file yet, or a regular
/// one of this process's user with that one name. The state directory and the configuration file
/// are excluded. accesslog::Target::open() looks once more, at the file itself.
std::optional<std::string> refuse_log_path(const std::string& path, const LogPlaces& places);

}  // namespace otto::admin
