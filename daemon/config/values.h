#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/json_tree.h"
#include "config/keys.h"

namespace otto {

/// What the value of `key` may be: "a whole number from 0 to 256", "\"http\", \"tcp\" or \"off\"".
std::string expected(const Key& key);

/// "expected …, found …", then "; did you mean …?" when the value nearly fits.
std::string mismatch(const Key& key, const Json& value, std::string_view source);

/// "expected WHAT, found …", then ": REASON" when there is one.
std::string mismatch(std::string_view what, const Json& value, std::string_view source,
                     std::string_view reason);

/// The value of a scalar key when it is of the key's type and in its range, else nothing.
std::optional<std::uint64_t> as_count(const Key& key, const Json& value, std::string_view source);
std::optional<Bytes> as_size(const Key& key, const Json& value, std::string_view source);
std::optional<Bytes> as_rate(const Key& key, const Json& value, std::string_view source);
std::optional<Duration> as_duration(const Key& key, const Json& value);
std::optional<bool> as_boolean(const Json& value, std::string_view source);
std::optional<double> as_fraction(const Key& key, const Json& value, std::string_view source);
/// The index in the key's choices.
std::optional<std::size_t> as_choice(const Key& key, const Json& value);
/// The lowest and the highest status.
std::optional<std::pair<unsigned, unsigned>> as_status(const Key& key, const Json& value);

}  // namespace otto
