#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "http/characters.h"
#include "http/message.h"

namespace otto::http {

/// Whether an address is one of trustedProxies.
using TrustPredicate = std::function<bool(const Address&)>;

/// The most addresses of a request that are looked at for its client.
inline constexpr unsigned max_believed_proxies = 32;

/// Whom a request comes from, as far as it is believed. The views are of the request, or of what
/// was passed.
struct Origin {
    Address address;
    std::string_view scheme;
    std::string_view host;
};

/// The one answer to who the client is, what scheme it used and which host it asked for. They are
/// `peer`, `scheme` and the request's authority, unless `peer` is a trusted proxy: then what that
/// says in X-Forwarded-For, -Proto and -Host, or in Forwarded (RFC 7239) when it sends none of
/// these. The client is the rightmost address that is not trusted, else the leftmost. An entry that
/// is no address (a port and brackets are allowed) ends the search, and so does the last of
/// max_believed_proxies: what stands left of it is not believed. A scheme other than http and
/// https, and a malformed host, say nothing.
Origin origin_of(const Address& peer, std::string_view scheme, const RequestHead& request,
                 const TrustPredicate& trusted);

/// The address of origin_of().
Address believed_client(const Address& peer, const RequestHead& request,
                        const TrustPredicate& trusted);
/// The same of an X-Forwarded-For list (several fields joined by commas).
Address believed_client(const Address& peer, std::string_view list, const TrustPredicate& trusted);

/// The fields by which a proxy says for whom it asks.
enum class ForwardingFields : std::uint8_t { none, x_forwarded, forwarded };

/// Those that count in `request`. X-Forwarded-* are preferred, since a proxy that sends them may
/// pass on a Forwarded that its client made up. A malformed Forwarded counts for nothing.
ForwardingFields forwarding_fields(const RequestHead& request);

/// One element of Forwarded: values without their quotes; "" where a parameter is not there.
struct ForwardedElement {
    std::string_view node;
    std::string_view scheme;
    std::string_view host;
};

/// Takes the first element off `list`, and the comma and white space around it; nothing when it is
/// malformed, after which `list` is empty. `list` must have one. Linear in the element.
std::optional<ForwardedElement> take_forwarded(std::string_view& list);

/// Calls `visit(element)` with each element of all Forwarded fields. False when one is malformed;
/// those after it in its field are not visited.
template <typename Visit>
bool for_each_forwarded(const RequestHead& request, Visit visit) {
    bool well_formed = true;
    for (const Field& field : request.fields) {
        if (field.id != FieldId::forwarded) continue;
        std::string_view list = without_separators(field.value);
        while (!list.empty()) {
            const auto element = take_forwarded(list);
            if (element) visit(*element);
            well_formed = well_formed && element;
        }
    }
    return well_formed;
}

/// The IP address of a node or of an element of X-Forwarded-For, without brackets and port; "" when
/// it does not look like one.
std::string_view ip_of_node(std::string_view node);

/// What a lone X-Forwarded-Proto or -Host says, the last of a list; "" when it must not be
/// repeated.
std::string_view forwarded_scheme(const RequestHead& request);
std::string_view forwarded_host(const RequestHead& request);

}  // namespace otto::http
