#pragma once

#include <string>

#include "admin/plain_message.h"
#include "config/json.h"

namespace otto::admin {

/// What a change of the configuration does, in words that follow a name: "drained
/// http://localhost:5004", "set balance to \"fastest\" and removed app-2". `before` and `after` are
/// documents in the form of the file. More than three changes are counted. Of one line, printable.
std::string describe_deed(const Json& before, const Json& after);

/// Who sent a request: "root", "user 1000", "a local user"; over TCP, where every client has the
/// same token, "an API client".
std::string describe_actor(const PlainRequest& request);

}  // namespace otto::admin
