#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"

namespace otto {

enum class KeyType : std::uint8_t {
    object,  // a place is set to true when the object is there
    count,   // whole number
    size,    // bytes, as a number or with a unit
    duration,
    rate,  // bytes a second, as a number or with a unit
    boolean,
    choice,  // one of `choices`
    path,
    host,
    status,  // "200" or "200-399"
    text,    // printable, of min to max bytes
    token,   // RFC 9110 §5.6.2, of min to max bytes
    server_url,
    listens,        // one address or a list of min to max
    local_listens,  // the same, of addresses that only this host reaches
    log_target,     // one of `choices` or the absolute path of a file
    fraction,       // any number from min to max
    servers,        // a list of min to max URLs or objects
    cidrs,          // a list of min to max
    statuses,       // a list of min to max, each from 500 to 599
};

inline constexpr unsigned least_error_status = 500;
inline constexpr unsigned greatest_error_status = 599;

/// Where a value goes, for keys of servers in their ServerConfig. Keys without a place are assigned
/// by the code that reads what encloses them.
using KeyPlace =
    std::variant<std::monostate, unsigned& (*)(Config&), std::uint64_t& (*)(Config&),
                 Duration& (*)(Config&), bool& (*)(Config&), std::string& (*)(Config&),
                 double& (*)(Config&), std::vector<unsigned>& (*)(Config&),
                 void (*)(Config&, std::size_t choice), unsigned& (*)(ServerConfig&),
                 bool& (*)(ServerConfig&), void (*)(ServerConfig&, std::size_t choice)>;

/// One key of config.json: parser, schema and tests are driven by this row, and by no other list.
struct Key {
    std::string_view pointer;  // as a JSON pointer; "*" is any element of a list
    KeyType type;
    std::string_view fallback;  // the default as JSON; "": required, or none
    std::uint64_t min;          // of the number, bytes, nanoseconds, elements; max 0: no range
    std::uint64_t max;
    bool reloads;  // else a change takes effect at a restart
    std::string_view about;
    KeyPlace place = {};
    std::string_view choices = "";  // separated by "|", in the order of the enum

    std::string_view name() const { return pointer.substr(pointer.rfind('/') + 1); }
    std::vector<std::string_view> choice_list() const;
    /// "1ms to 24h", "0 to 256"; "" without a range.
    std::string range() const;
};

/// Every key, in the order of the manual.
const std::vector<Key>& config_keys();

/// The keys directly inside of `parent` ("" is the document).
std::vector<const Key*> keys_inside(std::string_view parent);

}  // namespace otto
