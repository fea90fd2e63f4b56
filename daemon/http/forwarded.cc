#include "http/forwarded.h"

#include <algorithm>
#include <array>

#include "http/authority.h"
#include "http/characters.h"

namespace otto::http {

namespace {

bool is_scheme(std::string_view text) {
    return equal_ignoring_case(text, "http") || equal_ignoring_case(text, "https");
}

std::optional<Address> address_of(std::string_view node) {
    const std::string_view ip = ip_of_node(node);
    if (ip.empty()) return std::nullopt;
    auto address = Address::from_ip(ip, 0);
    if (!address) return std::nullopt;
    return *std::move(address);
}

/// Cuts the last element that is not empty off `list`; "" when there is none left.
std::string_view take_last(std::string_view& list) {
    std::size_t end = list.size();
    while (end > 0 && (list[end - 1] == ',' || is_blank(list[end - 1]))) --end;
    std::size_t start = end;
    while (start > 0 && list[start - 1] != ',') --start;
    const std::string_view element = list.substr(start, end - start);
    list = list.substr(0, start);
    return trim(element);
}

/// Goes from proxy to proxy towards the client, for as long as they are trusted.
class WayBack {
  public:
    WayBack(const Address& peer, const TrustPredicate& trusted)
        : client_(peer), trusted_(trusted), on_(trusted(peer)) {}

    const Address& client() const { return client_; }
    bool on() const { return on_; }

    /// One step. False when `node` is no address: what stands left of it is not believed.
    bool step(std::string_view node) {
        const auto address = address_of(node);
        if (address) client_ = *address;
        on_ = address && ++proxies_ < max_believed_proxies && trusted_(client_);
        return address.has_value();
    }

    /// Walks `list` from the right.
    void walk(std::string_view list) {
        while (on_) {
            const std::string_view entry = take_last(list);
            if (entry.empty()) return;
            step(entry);
        }
    }

  private:
    Address client_;
    const TrustPredicate& trusted_;
    bool on_;
    unsigned proxies_ = 0;
};

std::string_view last_of(const RequestHead& request, FieldId id) {
    for (auto field = request.fields.rbegin(); field != request.fields.rend(); ++field) {
        if (field->id != id) continue;
        std::string_view list = field->value;
        if (const auto last = take_last(list); !last.empty()) return last;
    }
    return {};
}

void follow_x_forwarded(WayBack& way, const RequestHead& request, Origin& origin) {
    for (auto field = request.fields.rbegin(); way.on() && field != request.fields.rend(); ++field)
        if (field->id == FieldId::x_forwarded_for) way.walk(field->value);
    if (const auto scheme = forwarded_scheme(request); !scheme.empty()) origin.scheme = scheme;
    if (const auto host = forwarded_host(request); !host.empty()) origin.host = host;
}

void follow_forwarded(WayBack& way, const RequestHead& request, Origin& origin) {
    // Elements can only be told apart from the left: the last ones are kept.
    std::array<ForwardedElement, max_believed_proxies> last;
    std::size_t count = 0;
    for_each_forwarded(
        request, [&](const ForwardedElement& element) { last[count++ % last.size()] = element; });
    for (std::size_t back = 1; way.on() && back <= std::min(count, last.size()); ++back) {
        const ForwardedElement& element = last[(count - back) % last.size()];
        if (!way.step(element.node)) return;
        if (is_scheme(element.scheme)) origin.scheme = element.scheme;
        if (is_authority(element.host)) origin.host = element.host;
    }
}

/// Cuts a token or a quoted string without escapes off `text`; nothing when neither is there.
std::optional<std::string_view> take_value(std::string_view& text) {
    std::size_t end = 0;
    if (text.starts_with('"')) {
        end = std::min(text.find_first_of("\"\\", 1), text.size());
        if (end == text.size() || text[end] == '\\') return std::nullopt;
        const std::string_view value = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
        return value;
    }
    // Some proxies leave out the quotes that a colon or brackets need.
    while (end < text.size() && (look_up(token_table, text[end]) != 0 ||
                                 is_one_of(static_cast<unsigned char>(text[end]), ":[]")))
        ++end;
    if (end == 0) return std::nullopt;
    const std::string_view value = text.substr(0, end);
    text.remove_prefix(end);
    return value;
}

void skip_blanks(std::string_view& text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}

bool take_parameter(std::string_view& list, ForwardedElement& element) {
    const std::size_t equals = list.find_first_of("=,;\"");
    if (equals == std::string_view::npos || list[equals] != '=') return false;
    const std::string_view name = list.substr(0, equals);
    list.remove_prefix(equals + 1);
    const auto value = take_value(list);
    if (!is_token(name) || !value) return false;
    if (equal_ignoring_case(name, "for")) element.node = *value;
    if (equal_ignoring_case(name, "proto")) element.scheme = *value;
    if (equal_ignoring_case(name, "host")) element.host = *value;
    return true;
}

}  // namespace

std::optional<ForwardedElement> take_forwarded(std::string_view& list) {
    ForwardedElement element;
    for (;;) {
        if (!list.starts_with(';') && !take_parameter(list, element)) break;
        skip_blanks(list);
        if (list.empty() || list.front() == ',') {
            list = without_separators(list);
            return element;
        }
        if (list.front() != ';') break;
        list.remove_prefix(1);
        skip_blanks(list);
        if (list.empty()) return element;
    }
    list = {};
    return std::nullopt;
}

std::string_view ip_of_node(std::string_view node) {
    constexpr std::size_t around_ip = 8;  // brackets, a colon and a port
    if (node.size() > INET6_ADDRSTRLEN + around_ip) return {};
    if (node.starts_with('[')) {
        node.remove_prefix(1);
        node = node.substr(0, node.find(']'));
    } else if (std::count(node.begin(), node.end(), ':') == 1) {
        node = node.substr(0, node.find(':'));
    }
    const bool plausible = std::all_of(node.begin(), node.end(), [](char c) {
        return look_up(hex_table, c) != 0 || c == ':' || c == '.';
    });
    const bool separated = node.find_first_of(".:") != std::string_view::npos;
    return plausible && separated ? node : std::string_view();
}

std::string_view forwarded_scheme(const RequestHead& request) {
    const std::string_view scheme = last_of(request, FieldId::x_forwarded_proto);
    return is_scheme(scheme) ? scheme : std::string_view();
}

std::string_view forwarded_host(const RequestHead& request) {
    const std::string_view host = last_of(request, FieldId::x_forwarded_host);
    return is_authority(host) ? host : std::string_view();
}

ForwardingFields forwarding_fields(const RequestHead& request) {
    bool forwarded = false;
    for (const Field& field : request.fields) {
        if (field.id == FieldId::x_forwarded_for || field.id == FieldId::x_forwarded_proto ||
            field.id == FieldId::x_forwarded_host || field.id == FieldId::x_forwarded_port)
            return ForwardingFields::x_forwarded;
        forwarded = forwarded || field.id == FieldId::forwarded;
    }
    const bool counts = forwarded && for_each_forwarded(request, [](const ForwardedElement&) {});
    return counts ? ForwardingFields::forwarded : ForwardingFields::none;
}

Origin origin_of(const Address& peer, std::string_view scheme, const RequestHead& request,
                 const TrustPredicate& trusted) {
    Origin origin{peer, scheme, request.authority};
    WayBack way(peer, trusted);
    if (!way.on()) return origin;
    switch (forwarding_fields(request)) {
        case ForwardingFields::none:
            return origin;
        case ForwardingFields::x_forwarded:
            follow_x_forwarded(way, request, origin);
            break;
        case ForwardingFields::forwarded:
            follow_forwarded(way, request, origin);
            break;
    }
    origin.address = way.client();
    return origin;
}

Address believed_client(const Address& peer, const RequestHead& request,
                        const TrustPredicate& trusted) {
    return origin_of(peer, {}, request, trusted).address;
}

Address believed_client(const Address& peer, std::string_view list, const TrustPredicate& trusted) {
    WayBack way(peer, trusted);
    way.walk(list);
    return way.client();
}

}  // namespace otto::http
