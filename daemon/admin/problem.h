#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/plain_message.h"
#include "config/json.h"
#include "config/load.h"

namespace otto::admin {

/// What is wrong with one member of a request's body.
struct Fault {
    std::string pointer;  // RFC 6901
    std::string detail;
};

/// A problem document (RFC 9457): status, its title, what is wrong, and each faulty member with a
/// JSON pointer.
PlainReply problem(unsigned status, const std::string& detail,
                   const std::vector<Fault>& faults = {});

/// 409 for a change after which no server would answer requests, unless it is forced. The member
/// "outage" says which servers would be missing: "active" or "healthy" ones.
PlainReply outage(const std::string& detail, std::string_view missing);

/// Whether lines and columns are told: of a text that people see as it is.
enum class Positions : std::uint8_t {
    none,
    of_body,
    of_file,  // whose name is told, too
};

/// 422 for a configuration that does not hold, with its first 100 errors. Pointers that begin with
/// `prefix` lose it: of a server that stands alone in the request's body.
PlainReply invalid(const std::vector<ConfigProblem>& problems, const std::string& prefix = "",
                   Positions positions = Positions::none);

/// 400 for a body that is no JSON, with line and column.
PlainReply malformed(std::string_view body);

/// 422 for JSON of another type than is wanted.
PlainReply wrong_type(const std::string& detail);

/// 503 for what would be too much at present.
PlainReply busy(const std::string& detail);

PlainReply json_reply(unsigned status, const Json& json);

/// The fields of every reply that is none of the web page's: what a browser loaded from elsewhere
/// may not use it, nor guess its type.
std::vector<std::pair<std::string, std::string>> api_fields();

}  // namespace otto::admin
