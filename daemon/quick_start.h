#pragma once

#include "config/load.h"
#include "options.h"

namespace otto {

/// The configuration that the command line names: of the file, or of --server and --port.
LoadedConfig load_config(const Options& options);

}  // namespace otto
