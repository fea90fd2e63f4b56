#pragma once

#include <string>

#include "http/forwarding.h"
#include "http/message.h"

namespace otto::http1 {

/// Appends the head of `request` as it goes to a server: request line in origin-form with HTTP/1.1,
/// hop-by-hop fields and those that Connection names dropped (RFC 9110 §7.6.1), Host from the
/// authority, framing fields normalised (one Content-Length or one "Transfer-Encoding: chunked"),
/// X-Forwarded-For/-Proto/-Host/-Port and Forwarded (RFC 7239) set: a stranger's are replaced, and
/// what else claims an identity is dropped; a trusted proxy's are extended (-Proto, -Host and -Port
/// kept), and those that it did not send are made of those that it did. Untouched fields are copied
/// in runs. Expect is kept where it means something (expect_continue), Upgrade only with
/// `keep_upgrade`, Trailer only with a chunked body, of TE only that trailers are welcome.
/// Max-Forwards of an OPTIONS request is counted down (RFC 9110 §7.6.2). Connection cannot take
/// away the fields that Otto acts on itself (Host, framing, forwarding, X-Request-Id, Content-Type
/// and the like). In Forwarded, addresses are quoted as RFC 7239 §6 says; a client on a UNIX socket
/// is the obfuscated identifier "_unix".
void append_request_head(std::string& out, const http::RequestHead& request,
                         const http::ForwardingContext& context, bool keep_upgrade);

}  // namespace otto::http1
