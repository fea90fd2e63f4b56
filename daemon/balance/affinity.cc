#include "balance/affinity.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace otto {

std::uint64_t client_key(const Address& address) {
    const auto bytes = address.ip_bytes();
    // IPv4 is the last four of an IPv4-mapped address.
    return address.family() == AF_INET ? XXH3_64bits(bytes.data() + 12, 4)
                                       : XXH3_64bits(bytes.data(), 8);
}

std::uint64_t server_key(std::string_view url) {
    return XXH3_64bits(url.data(), url.size());
}

}  // namespace otto
