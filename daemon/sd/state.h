#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace otto {

/// Where systemd lets Otto keep state (StateDirectory= of the unit, the first one), or none when it
/// does not.
std::optional<std::string> state_directory();

/// Keeps a text as the file `name` of `dir`, which nobody else may read. Atomic and durable: after
/// a crash either the old or the new text is there. Waits for the disk. Control thread.
Status save_state(const std::string& dir, std::string_view name, std::string_view text);

/// What save_state() kept; the Error has ENOENT when there is nothing yet. Anything but a regular
/// file of at most 64 MiB is an Error.
Result<std::string> load_state(const std::string& dir, std::string_view name);

/// Takes the file `name` of `dir` away; it need not be there.
Status remove_state(const std::string& dir, std::string_view name);

/// Renames the file `name` of `dir` to NAME.bad, for people to look at.
Status set_state_aside(const std::string& dir, std::string_view name);

/// save_state() of a configuration that works, as "last-good.json".
Status save_last_good(const std::string& dir, std::string_view text);

/// What save_last_good() kept.
Result<std::string> load_last_good(const std::string& dir);

}  // namespace otto
