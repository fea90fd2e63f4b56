#pragma once

#include <string>
#include <vector>

#include "config/json.h"
#include "config/load.h"
#include "http/plain_server.h"

namespace otto::admin {

/// What is wrong with one member of a request's body.
struct Fault {
    std::string pointer;  // RFC 6901
    std::string detail;
};

/// A problem document (RFC 9457): status, its title, what is wrong, and each faulty member with a
/// JSON pointer.
http::PlainReply problem(unsigned status, const std::string& detail,
                         const std::vector<Fault>& faults = {});

/// 422 for a configuration that does not hold. Pointers that begin with `prefix` lose it: of a
/// server that stands alone in the request's body. `positions` adds lines and columns, of a file
/// that people see as it is.
http::PlainReply invalid(const std::vector<ConfigProblem>& problems, const std::string& prefix = "",
                         bool positions = false);

http::PlainReply json_reply(unsigned status, const Json& json);

}  // namespace otto::admin
