#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace otto::tls {

/// A key that nobody else knows. A plain value.
using Secret = std::array<std::uint8_t, 32>;
using Digest = std::array<std::uint8_t, 32>;

/// A new one, from the kernel's generator.
Result<Secret> make_secret();

/// HMAC-SHA-256 (RFC 2104, FIPS 180-4) of `message`; the key may be of any length. Pure.
Digest hmac_sha256(std::string_view key, std::string_view message);
Digest hmac_sha256(const Secret& key, std::string_view message);

/// Whether two texts are the same, in a time that tells nothing but their lengths.
bool equal_secrets(std::string_view left, std::string_view right);

}  // namespace otto::tls
