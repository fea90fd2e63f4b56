#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace otto {

/// A JSON value that remembers where it stood. Offsets are bytes of the source it was parsed from.
struct JsonValue {
    enum class Kind : std::uint8_t { null, boolean, number, string, list, object };

    Kind kind = Kind::null;
    std::uint32_t begin = 0;      // its first byte
    std::uint32_t end = 0;        // one past its last
    std::uint32_t key_begin = 0;  // of members: the opening quote of the key
    std::string key;              // of members: decoded
    std::string text;             // of strings: decoded
    std::vector<JsonValue> children;

    /// The value as it is spelt in `source`.
    std::string_view spelling(std::string_view source) const {
        return source.substr(begin, end - begin);
    }
};

/// Why a text is not JSON, and the byte where that shows.
struct JsonFault {
    std::size_t offset = 0;
    std::string message;
};

/// Enough for 10,000 servers in a configuration.
constexpr std::size_t most_json_values = 200'000;

/// Parses strict JSON (RFC 8259): UTF-8 without a byte order mark, no comments, no trailing commas,
/// no half surrogate pairs. Memory and stack are bounded: at most 32 levels and `most_values`
/// values. `source` has less than 4 GiB.
std::variant<JsonValue, JsonFault> parse_json(std::string_view source,
                                              std::size_t most_values = most_json_values);

/// The first key that stands twice in one object, in the order of the text.
std::optional<JsonFault> find_duplicate_key(const JsonValue& value);

/// `pointer` extended by one member or element (RFC 6901).
std::string pointer_to(const std::string& pointer, std::string_view member);
std::string pointer_to(const std::string& pointer, std::size_t element);

}  // namespace otto
