#pragma once

#include <string_view>

#include "http/forwarded.h"
#include "http/forwarding.h"
#include "http/kept_fields.h"
#include "http/message.h"
#include "http/writer.h"

namespace otto::http {

/// What a request says about its client when it goes on to a server: the values of X-Forwarded-For,
/// -Proto, -Host and -Port, and of Forwarded (RFC 7239). A stranger's are replaced. A trusted
/// proxy's are extended (-Proto, -Host and -Port kept), and those that it did not send are made of
/// those that it did, so that all say the same. In Forwarded, addresses are quoted as RFC 7239 §6
/// says; a client on a UNIX socket is the obfuscated identifier "_unix". Refers to what it is made
/// of.
class ClientFields {
  public:
    /// `sent`: the kinds of field that the request has.
    ClientFields(const RequestHead& request, const ForwardingContext& context, FieldKinds sent);

    /// Appends the value of X-Forwarded-For.
    void append_addresses(Writer& writer) const;
    /// The values of X-Forwarded-Proto, -Host and -Port. "": the field is not added.
    std::string_view scheme() const;
    std::string_view host() const;
    std::string_view port() const;
    /// Appends the value of Forwarded.
    void append_elements(Writer& writer) const;

  private:
    bool is_kept(FieldId id) const { return context_.trusted && sent_.has(id); }
    bool append_earlier(Writer& writer) const;

    const RequestHead& request_;
    const ForwardingContext& context_;
    const FieldKinds sent_;
    const ForwardingFields source_;  // which fields of the proxies before count
    // Of the client's own request, as opposed to that of the proxy before Otto.
    std::string_view client_scheme_;
    std::string_view client_host_;
};

}  // namespace otto::http
