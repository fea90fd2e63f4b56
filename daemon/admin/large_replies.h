#pragma once

#include <cstddef>
#include <string>

#include "admin/control.h"
#include "admin/overlay/changes.h"
#include "admin/renderings.h"

namespace otto::admin {

// The replies of the API that grow with the number of servers. Each is as of the moment at which
// its rendering was begun, but for what counts. `control` and `changes` outlive them.

/// `token_file`: where the token is, or "".
Rendering status_rendering(const Control& control, const Changes& changes, std::string token_file);
/// GET /api/v1/servers.
Rendering servers_rendering(const Control& control, const Changes& changes);
/// GET /api/v1/config.
Rendering config_rendering(const Control& control, const Changes& changes);
/// GET /metrics.
Rendering metrics_rendering(metrics::Readings readings);

}  // namespace otto::admin
