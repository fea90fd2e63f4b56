#pragma once

#include <cstddef>

#include "admin/changes.h"
#include "admin/control.h"
#include "admin/renderings.h"

namespace otto::admin {

// The replies of the API that grow with the number of servers. Each is as of the moment at which
// its rendering was begun, but for what counts. `control` and `changes` outlive them.

Rendering status_rendering(const Control& control, const Changes& changes);
/// GET /api/v1/servers.
Rendering servers_rendering(const Control& control, const Changes& changes);
/// GET /api/v1/config.
Rendering config_rendering(const Control& control, const Changes& changes);
/// GET /metrics.
Rendering metrics_rendering(Readings readings);

}  // namespace otto::admin
