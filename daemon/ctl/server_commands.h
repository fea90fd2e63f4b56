#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctl/console/console.h"

namespace otto::ctl {

struct ServerOptions {
    std::vector<std::string> ids;  // or the URLs of new ones
    std::string id{};              // the one whose turn it is
    std::string name{};
    std::optional<unsigned> weight{};
    std::optional<unsigned> max_connections{};
    bool backup = false;
    bool force = false;
    bool wait = false;
    std::string timeout = "60s";  // a duration
};

// The commands that change servers, one after the other: each asks Otto, says what came of it, and
// gives the exit status, with several servers that of the first that failed. With --json, several
// servers make one document, whose "servers" are what each alone would have been.

Exit add(const Console& console, const ServerOptions& options);
Exit remove(const Console& console, const ServerOptions& options);
Exit drain(const Console& console, const ServerOptions& options);
Exit enable(const Console& console, const ServerOptions& options);
Exit disable(const Console& console, const ServerOptions& options);
Exit weight(const Console& console, const ServerOptions& options);
/// Has Otto check each of them now, configured or not; the state of none changes. Exit::refused
/// when one fails.
Exit check_server(const Console& console, const ServerOptions& options);
/// All that Otto says about each of them.
Exit show(const Console& console, const ServerOptions& options);

}  // namespace otto::ctl
