#pragma once

#include <cstddef>
#include <string>

#include "ctl/console/console.h"

namespace otto::ctl {

struct EventsOptions {
    std::size_t lines = 10;  // of the records that Otto has kept
    bool once = false;       // these alone
};

/// Prints what happens, until Ctrl-C.
Exit events(const Console& console, const EventsOptions& options);

/// A "record" as one line, with its time in the local time zone; "" for other events, and for what
/// is none.
std::string record_line(std::string_view data, const Output& output);
/// Any event as one line of JSON: its members, and before them its type and its id.
std::string json_line(std::string_view type, std::string_view id, std::string_view data);

}  // namespace otto::ctl
