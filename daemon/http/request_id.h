#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/random.h"

namespace otto::http {

/// The id of one request, by which it is found again in the log: 32 lower-case hexadecimal digits.
/// A plain value.
class RequestId {
  public:
    RequestId(std::uint64_t high, std::uint64_t low);
    std::string_view text() const { return {digits_.data(), digits_.size()}; }

  private:
    std::array<char, 32> digits_;
};

/// Makes request ids of 128 random bits, seeded by getrandom(2), without allocating. Each worker
/// owns one: no locks. The two halves come from generators of their own, so that no two ids of one
/// maker are equal and those of different makers and runs meet by chance of 2^-128 only. Ids can be
/// foretold from earlier ones: they name requests, they prove nothing.
class RequestIds {
  public:
    RequestIds();
    /// The same seeds give the same ids.
    RequestIds(std::uint64_t high_seed, std::uint64_t low_seed)
        : high_(high_seed), low_(low_seed) {}

    RequestId next();

  private:
    Random high_;
    Random low_;
};

inline constexpr std::size_t max_request_id = 128;

/// Whether an X-Request-Id that a client sent may be taken over into the log, to servers and into
/// error pages: 1 to 128 letters, digits and -._~+/=: (UUIDs, base64, trace ids). Others are
/// replaced by one of Otto's.
bool valid_request_id(std::string_view id);

}  // namespace otto::http
