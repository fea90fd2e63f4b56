#pragma once

#include <string>
#include <vector>

#include "ctl/console/console.h"

namespace otto::ctl {

// The commands about the configuration.

/// Returns when every worker goes by it.
Exit reload(const Console& console);
/// Without asking Otto, which need not run.
Exit check(const Console& console, const std::string& file);
/// Exit::refused when there are changes, as with diff(1).
Exit diff(const Console& console);
/// The active configuration: the file with the changes made at run time.
Exit config(const Console& console);
/// Changes keys at run time, all or none: "KEY=VALUE", where KEY has dots between its parts and
/// VALUE is JSON, or else a string. null stands for the default.
Exit set(const Console& console, const std::vector<std::string>& assignments);
Exit reset(const Console& console, bool force);

/// What is said where some changes are kept, but not applied.
constexpr const char* not_in_force =
    "some run-time changes do not fit the file and are not applied: ottoctl diff lists them, "
    "ottoctl reset discards all changes";

}  // namespace otto::ctl
