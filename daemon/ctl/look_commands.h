#pragma once

#include "ctl/console.h"

namespace otto::ctl {

// The commands that only look.

Exit status(const Console& console);
Exit servers(const Console& console);
Exit token(const Console& console);

}  // namespace otto::ctl
