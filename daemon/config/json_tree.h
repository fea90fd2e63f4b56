#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "config/json.h"

namespace otto {

/// Why a text is not JSON, and the byte where that shows.
struct JsonFault {
    std::size_t offset = 0;
    std::string message;
};

/// Enough for 10,000 servers in a configuration.
constexpr std::size_t most_json_values = 200'000;

/// Parses strict JSON (RFC 8259): UTF-8 without a byte order mark, no comments, no trailing commas,
/// no half surrogate pairs. Memory and stack are bounded: at most 32 levels and `most_values`
/// values. `source` has less than 4 GiB; the values know where they stand in it.
std::variant<Json, JsonFault> parse_json(std::string_view source,
                                         std::size_t most_values = most_json_values);

/// The first key that stands twice in one object, in the order of the text.
std::optional<JsonFault> find_duplicate_key(const Json& value);

/// `pointer` extended by one member or element (RFC 6901).
std::string pointer_to(const std::string& pointer, std::string_view member);
std::string pointer_to(const std::string& pointer, std::size_t element);

}  // namespace otto
