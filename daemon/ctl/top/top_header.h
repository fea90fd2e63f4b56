#pragma once

#include <array>
#include <string>

#include "ctl/top/fleet.h"
#include "ctl/top/top_view.h"

namespace otto::ctl {

/// The lines above the servers: how Otto is, what is asked of it, and how it copes.
std::array<std::string, 3> draw_header(const Fleet& fleet, const View& view);

}  // namespace otto::ctl
