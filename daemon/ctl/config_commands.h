#pragma once

#include <string>

#include "ctl/console.h"

namespace otto::ctl {

// The commands about the configuration.

/// Returns when every worker goes by it.
Exit reload(const Console& console);
/// Without asking Otto, which need not run.
Exit check(const Console& console, const std::string& file);
Exit diff(const Console& console);
Exit reset(const Console& console, bool force);

/// What is said where the changes are kept, but not in force.
constexpr const char* not_in_force =
    "the changes made at run time do not fit the file and are not in force: see ottoctl diff, "
    "ottoctl reset";

}  // namespace otto::ctl
