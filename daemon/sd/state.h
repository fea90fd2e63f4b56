#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace otto {

/// Where systemd lets Otto keep state (StateDirectory= of the unit, the first one), or none when it
/// does not.
std::optional<std::string> state_directory();

/// Keeps the text of a configuration that works as "last-good.json" in `dir`. Atomic and durable:
/// after a crash either the old or the new text is there. Waits for the disk. Control thread.
Status save_last_good(const std::string& dir, std::string_view text);

/// What save_last_good() kept; the Error has ENOENT when there is nothing yet.
Result<std::string> load_last_good(const std::string& dir);

}  // namespace otto
