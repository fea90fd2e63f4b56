#pragma once

#include <optional>
#include <string>

#include "ctl/console.h"

namespace otto::ctl {

struct ServerOptions {
    std::string id;  // or the URL of a new one
    std::string name{};
    std::optional<unsigned> weight{};
    std::optional<unsigned> max_connections{};
    bool backup = false;
    bool force = false;
    bool wait = false;
    std::string timeout = "60s";  // a duration
};

// The commands that change servers: each asks Otto, says what came of it, and gives the exit
// status.

Exit add(const Console& console, const ServerOptions& options);
Exit remove(const Console& console, const ServerOptions& options);
Exit drain(const Console& console, const ServerOptions& options);
Exit enable(const Console& console, const ServerOptions& options);
Exit disable(const Console& console, const ServerOptions& options);
Exit weight(const Console& console, const ServerOptions& options);

}  // namespace otto::ctl
