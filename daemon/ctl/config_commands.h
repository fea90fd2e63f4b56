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

/// What is said where some changes are kept, but not applied.
constexpr const char* not_in_force =
    "some run-time changes do not fit the file and are not applied: ottoctl diff names them, "
    "ottoctl reset drops all changes";

}  // namespace otto::ctl
