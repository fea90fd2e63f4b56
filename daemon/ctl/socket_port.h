#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace otto::ctl {

/// Has systemd listen on `port` in the place of what the socket unit says: writes a drop-in for it,
/// and restarts it, and with it Otto. When another drop-in has the last word, nothing is changed,
/// and the Error names it. Needs root.
Status open_port(const std::string& unit, const std::vector<ListenConfig>& port);

/// Whether a drop-in is, byte for byte, one that Otto wrote, or had an operator write.
bool is_own_drop_in(const std::string& text);

}  // namespace otto::ctl
