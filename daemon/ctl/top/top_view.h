#pragma once

#include <string>
#include <vector>

#include "ctl/console/output.h"
#include "ctl/top/fleet.h"

namespace otto::ctl {

/// How `ottoctl top` is to look.
struct View {
    std::size_t columns = 80;
    std::size_t lines = 24;
    bool utf8 = true;
    Output output{false};
    Sort sort = Sort::order;
    std::size_t first = 0;  // the row at the top: so many are above the screen
    bool help = false;      // in the place of the servers
    std::string notice{};   // stands in for the state: there is no connection, for example
};

/// The screen: at most View::lines lines of at most View::columns columns, whatever the servers are
/// called.
std::vector<std::string> draw(const Fleet& fleet, const View& view);

/// How many servers the screen has room for; 1 at least.
std::size_t rows_of(const View& view);

/// All servers in one table, for pipes and files: as wide as it takes.
std::string print_once(const Fleet& fleet, const View& view);

}  // namespace otto::ctl
