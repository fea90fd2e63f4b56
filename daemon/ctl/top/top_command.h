#pragma once

#include "ctl/console/console.h"
#include "ctl/top/fleet.h"

namespace otto::ctl {

struct TopOptions {
    Sort sort = Sort::order;
    bool once = false;
};

/// How the servers do, live on the whole terminal; once as a table, or as JSON, where there is
/// none.
Exit top(const Console& console, const TopOptions& options);

}  // namespace otto::ctl
