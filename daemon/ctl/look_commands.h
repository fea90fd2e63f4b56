#pragma once

#include <vector>

#include "ctl/console/console.h"

namespace otto::ctl {

// The commands that only look.

/// A server in all its details, a row each.
std::vector<Output::Row> details(const Json& server);

Exit status(const Console& console);
Exit servers(const Console& console);
Exit token(const Console& console);

}  // namespace otto::ctl
