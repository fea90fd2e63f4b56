#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "http1/parse_response.h"

namespace otto::accept {

using http1::ParseState;

/// What the PROXY protocol header at the start of a connection says. When `client` is none, the
/// connection is the proxy's own (LOCAL, as for its health checks) or it does not know for whom it
/// is (UNKNOWN, AF_UNSPEC): the peer then is the client.
struct ProxyHeader {
    ParseState state = ParseState::incomplete;
    std::size_t length = 0;              // of the header, when complete: what follows is HTTP
    std::optional<Address> client;       // a UNIX socket's may have no path
    std::optional<Address> destination;  // where it connected to; present when `client` is
    const char* reason = "";             // when malformed
};

/// No header is longer: 107 bytes in version 1; 16, and this bound of Otto's, in version 2.
inline constexpr std::size_t max_proxy_block = 4096;
inline constexpr std::size_t max_proxy_header = 16 + max_proxy_block;

/// Parses the header of version 1 or 2 ("The PROXY protocol", HAProxy, 2.1 and 2.2) that `input`,
/// the first bytes of a connection, begins with. Pure. As bytes arrive the answer changes once,
/// from incomplete to what then holds for good; a header that is wrong is so from its first wrong
/// byte, or in version 1 from the end of its line.
///
/// Strict: one space between words, no leading zeros, CRLF, only the command and family values that
/// are defined, an address block that holds its addresses, TLVs that fill the rest exactly, and a
/// CRC32c that fits where one is sent (PP2_TYPE_CRC32C); other TLVs are skipped. What is said to be
/// ignored is not looked at: the words after UNKNOWN, and the block of LOCAL and AF_UNSPEC.
/// Datagram families are taken like stream ones, since proxies that speak HTTP/3 send them.
ProxyHeader parse_proxy_header(std::string_view input);

}  // namespace otto::accept
