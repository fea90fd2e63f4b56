#pragma once

#include <string>

#include "ctl/console.h"

namespace otto::ctl {

/// Writes the changes made at run time into `file`, and has Otto go by it alone.
Exit apply(const Console& console, const std::string& file);

}  // namespace otto::ctl
