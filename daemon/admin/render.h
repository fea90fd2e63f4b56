#pragma once

#include <string>

#include "admin/changes.h"
#include "admin/control.h"
#include "config/json.h"

namespace otto::admin {

// How the admin API shows things.

/// The id of a server that stays whatever it is called: 16 hexadecimal digits of its URL.
std::string server_id(std::string_view url);

Json render_server(const Member& member, const Control& control, TimePoint now);
Json render_status(const Control& control, const Changes& changes);
Json render_config(const Control& control, const Changes& changes);

}  // namespace otto::admin
