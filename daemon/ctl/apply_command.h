#pragma once

#include <string>

#include "ctl/console/console.h"

namespace otto::ctl {

struct ApplyOptions {
    std::string file{};  // "": the one that the asked Otto reads
    bool port_follows_socket = false;
};

/// Writes the changes made at run time into the file, and has Otto use it alone. Makes the file's
/// port and systemd's socket agree.
Exit apply(const Console& console, const ApplyOptions& options);

}  // namespace otto::ctl
