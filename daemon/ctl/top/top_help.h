#pragma once

#include <string>
#include <vector>

namespace otto::ctl {

struct View;

/// What `?` shows in the place of the servers: keys and columns.
std::vector<std::string> draw_help(const View& view);

}  // namespace otto::ctl
