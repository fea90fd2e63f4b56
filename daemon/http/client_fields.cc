#include "http/client_fields.h"

#include <vector>

#include "http/characters.h"

namespace otto::http {

namespace {

/// The values of all fields of that kind as one list, followed by a comma, if they have any.
void append_combined(Writer& writer, const std::vector<Field>& fields, FieldId id) {
    for (const Field& field : fields)
        if (field.id == id && !field.value.empty()) writer.add(field.value, ", ");
}

/// The for parameter with its node, RFC 7239 §6.
void append_node(Writer& writer, std::string_view ip) {
    if (ip == "unix") {
        writer.add("for=_unix");
    } else if (ip.find(':') != std::string_view::npos) {
        writer.add("for=\"[", ip, "]\"");
    } else {
        writer.add("for=", ip);
    }
}

/// The host and proto parameters, RFC 7239 §5.3 and §5.4. No host that was accepted has a quote or
/// a backslash, so none needs escaping.
void append_host_and_scheme(Writer& writer, std::string_view host, std::string_view scheme) {
    if (is_token(host)) {
        writer.add(";host=", host);
    } else if (!host.empty()) {
        writer.add(";host=\"", host, "\"");
    }
    writer.add(";proto=", scheme);
}

}  // namespace

ClientFields::ClientFields(const RequestHead& request, const ForwardingContext& context,
                           FieldKinds sent)
    : request_(request),
      context_(context),
      sent_(sent),
      source_(context.trusted ? forwarding_fields(request) : ForwardingFields::none),
      client_scheme_(context.client_scheme),
      client_host_(context.client_host) {
    if (source_ == ForwardingFields::x_forwarded) {
        client_scheme_ = forwarded_scheme(request);
        client_host_ = forwarded_host(request);
    }
    if (client_scheme_.empty()) client_scheme_ = context.scheme;
    if (client_host_.empty()) client_host_ = request.authority;
}

std::string_view ClientFields::scheme() const {
    return is_kept(FieldId::x_forwarded_proto) ? std::string_view() : client_scheme_;
}

std::string_view ClientFields::host() const {
    return is_kept(FieldId::x_forwarded_host) ? std::string_view() : client_host_;
}

/// The port of a host that was accepted, or the one that the scheme has by default.
std::string_view ClientFields::port() const {
    if (is_kept(FieldId::x_forwarded_port)) return {};
    const std::size_t colon = client_host_.rfind(':');
    const bool has_port = colon != std::string_view::npos && colon + 1 < client_host_.size() &&
                          !client_host_.ends_with(']');
    if (has_port) return client_host_.substr(colon + 1);
    return equal_ignoring_case(client_scheme_, "https") ? "443" : "80";
}

/// What the proxies before said of the way of the request comes first, from the field that they
/// used.
void ClientFields::append_addresses(Writer& writer) const {
    switch (source_) {
        case ForwardingFields::none:
            break;
        case ForwardingFields::x_forwarded:
            append_combined(writer, request_.fields, FieldId::x_forwarded_for);
            break;
        case ForwardingFields::forwarded:
            for_each_forwarded(request_, [&writer](const ForwardedElement& element) {
                const std::string_view ip = ip_of_node(element.node);
                writer.add(ip.empty() ? "unknown" : ip, ", ");
            });
            break;
    }
    writer.add(context_.client_ip);
}

/// The elements of the proxies before (RFC 7239 §7.4), with what is known of the client in its
/// element, the first. Returns whether there was any.
bool ClientFields::append_earlier(Writer& writer) const {
    bool any = false;
    switch (source_) {
        case ForwardingFields::none:
            break;
        case ForwardingFields::x_forwarded:
            for (const Field& field : request_.fields) {
                if (field.id != FieldId::x_forwarded_for) continue;
                for_each_element(field.value, [&](std::string_view address) {
                    const std::string_view ip = ip_of_node(address);
                    append_node(writer, ip.empty() ? "unknown" : ip);
                    if (!any) append_host_and_scheme(writer, client_host_, client_scheme_);
                    writer.add(", ");
                    return any = true;
                });
            }
            break;
        case ForwardingFields::forwarded:
            append_combined(writer, request_.fields, FieldId::forwarded);
            return true;
    }
    return any;
}

void ClientFields::append_elements(Writer& writer) const {
    const bool first = !append_earlier(writer);
    append_node(writer, context_.client_ip);
    append_host_and_scheme(writer, first ? client_host_ : request_.authority,
                           first ? client_scheme_ : context_.scheme);
}

}  // namespace otto::http
