#pragma once

namespace otto::ctl {

/// What ottoctl exits with; ottoctl(1) has the list.
enum class Exit {
    ok = 0,
    refused = 1,      // Otto said no, or something failed: stdout cannot be written
    unreachable = 3,  // no Otto, or not allowed to ask it
    unknown_server = 4,
    timed_out = 5,  // what was to be waited for did not happen in the time given
    usage = 64,
    bad_config = 78,
    interrupted = 130  // by Ctrl-C, while it waited
};

}  // namespace otto::ctl
