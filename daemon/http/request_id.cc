#include "http/request_id.h"

#include <algorithm>
#include <chrono>

#include <sys/random.h>

#include "http/characters.h"

namespace otto::http {

namespace {

constexpr CharacterTable id_table = character_table(
    [](unsigned c) { return is_digit(c) || is_alpha(c) || is_one_of(c, "-._~+/=:"); });

std::uint64_t random_seed() {
    std::uint64_t seed = 0;
    if (::getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed) return seed;
    // Early at boot the kernel may have no entropy yet. Ids need not be secret, and a start must
    // not wait for them: the clock tells runs apart, the address of the stack threads.
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    const auto place = reinterpret_cast<std::uintptr_t>(&seed);
    return Random(static_cast<std::uint64_t>(now) ^ place << 20).next();
}

}  // namespace

RequestId::RequestId(std::uint64_t high, std::uint64_t low) {
    constexpr std::string_view hex = "0123456789abcdef";
    for (std::size_t digit = 16; digit-- > 0; high >>= 4, low >>= 4) {
        digits_[digit] = hex[high & 0xf];
        digits_[digit + 16] = hex[low & 0xf];
    }
}

RequestIds::RequestIds() : RequestIds(random_seed(), random_seed()) {}

RequestId RequestIds::next() {
    return {high_.next(), low_.next()};
}

bool valid_request_id(std::string_view id) {
    return !id.empty() && id.size() <= max_request_id &&
           std::all_of(id.begin(), id.end(), [](char c) { return look_up(id_table, c) != 0; });
}

}  // namespace otto::http
