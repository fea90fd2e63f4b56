#include "http/fields.h"

#include <array>
#include <limits>

#include "http/characters.h"
#include "http/name_set.h"

namespace otto::http {

namespace {

/// `id` when `name` is `expected`, which is in lower case and as long.
FieldId when(std::string_view name, std::string_view expected, FieldId id) {
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (look_up(lower_table, name[i]) != static_cast<unsigned char>(expected[i]))
            return FieldId::other;
    return id;
}

/// Fields by which proxies, and what checks users in front of them, tell who a client is and how it
/// came, besides those that Otto sets itself.
constexpr NameSet identity_names(std::array<std::string_view, 26>{
    "cf-connecting-ip",
    "client-ip",
    "fastly-client-ip",
    "forwarded-for",
    "front-end-https",
    "remote-user",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded",
    "x-forwarded-by",
    "x-forwarded-client-cert",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-prefix",
    "x-forwarded-protocol",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-forwarded-user",
    "x-original-forwarded-for",
    "x-original-host",
    "x-real-ip",
    "x-remote-user",
    "x-url-scheme",
});

bool claims_identity(std::string_view name) {
    return identity_names.contains(name);
}

FieldId named_field(std::string_view name) {
    // Length and one character leave at most one candidate.
    switch (name.size()) {
        case 2:
            return when(name, "te", FieldId::te);
        case 3:
            return when(name, "via", FieldId::via);
        case 4:
            if (look_up(lower_table, name[0]) == 'h') return when(name, "host", FieldId::host);
            return when(name, "date", FieldId::date);
        case 6:
            if (look_up(lower_table, name[0]) == 'a') return when(name, "accept", FieldId::accept);
            return when(name, "expect", FieldId::expect);
        case 7:
            switch (look_up(lower_table, name[0])) {
                case 'a':
                    return when(name, "alt-svc", FieldId::alt_svc);
                case 't':
                    return when(name, "trailer", FieldId::trailer);
                case 'u':
                    return when(name, "upgrade", FieldId::upgrade);
            }
            return FieldId::other;
        case 9:
            return when(name, "forwarded", FieldId::forwarded);
        case 10:
            if (look_up(lower_table, name[0]) == 'c')
                return when(name, "connection", FieldId::connection);
            return when(name, "keep-alive", FieldId::keep_alive);
        case 12:
            switch (look_up(lower_table, name[0])) {
                case 'c':
                    return when(name, "content-type", FieldId::content_type);
                case 'm':
                    return when(name, "max-forwards", FieldId::max_forwards);
                case 'x':
                    return when(name, "x-request-id", FieldId::x_request_id);
            }
            return FieldId::other;
        case 13:
            return when(name, "authorization", FieldId::authentication);
        case 14:
            if (look_up(lower_table, name[0]) == 'c')
                return when(name, "content-length", FieldId::content_length);
            return when(name, "http2-settings", FieldId::http2_settings);
        case 15:
            return when(name, "x-forwarded-for", FieldId::x_forwarded_for);
        case 16:
            if (look_up(lower_table, name[0]) == 'p')
                return when(name, "proxy-connection", FieldId::proxy_connection);
            if (look_up(lower_table, name[0]) == 'w')
                return when(name, "www-authenticate", FieldId::authentication);
            if (look_up(lower_table, name[12]) == 'h')
                return when(name, "x-forwarded-host", FieldId::x_forwarded_host);
            return when(name, "x-forwarded-port", FieldId::x_forwarded_port);
        case 17:
            if (look_up(lower_table, name[0]) == 't')
                return when(name, "transfer-encoding", FieldId::transfer_encoding);
            return when(name, "x-forwarded-proto", FieldId::x_forwarded_proto);
        case 18:
            return when(name, "proxy-authenticate", FieldId::proxy_authenticate);
        case 19:
            return when(name, "proxy-authorization", FieldId::proxy_authorization);
        case 25:
            return when(name, "proxy-authentication-info", FieldId::proxy_authentication_info);
    }
    return FieldId::other;
}

}  // namespace

FieldId field_id(std::string_view name) {
    const FieldId id = named_field(name);
    return id == FieldId::other && claims_identity(name) ? FieldId::identity : id;
}

FieldId imitated_field(std::string_view name) {
    std::array<char, 32> plain{};
    if (name.size() > plain.size() || name.find('_') == std::string_view::npos)
        return FieldId::other;
    std::replace_copy(name.begin(), name.end(), plain.begin(), '_', '-');
    return field_id({plain.data(), name.size()});
}

std::optional<Bytes> parse_content_length(std::string_view value) {
    // 19 digits cannot overflow 64 bits, so one comparison at the end is enough.
    if (value.empty() || value.size() > 19) return std::nullopt;
    if (value.front() == '0' && value.size() > 1) return std::nullopt;
    Bytes length = 0;
    for (const char c : value) {
        if (!is_digit(static_cast<unsigned char>(c))) return std::nullopt;
        length = length * 10 + static_cast<Bytes>(c - '0');
    }
    if (length > static_cast<Bytes>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    return length;
}

bool authenticates_connection(std::string_view value) {
    return !for_each_element(value, [](std::string_view challenge) {
        const std::string_view scheme = challenge.substr(0, challenge.find(' '));
        return !equal_ignoring_case(scheme, "NTLM") && !equal_ignoring_case(scheme, "Negotiate");
    });
}

bool is_h2c(std::string_view protocol) {
    return equal_ignoring_case(trim(protocol.substr(0, protocol.find('/'))), "h2c");
}

bool has_token(std::string_view list, std::string_view token) {
    return !for_each_element(
        list, [token](std::string_view element) { return !equal_ignoring_case(element, token); });
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (look_up(lower_table, a[i]) != look_up(lower_table, b[i])) return false;
    return true;
}

}  // namespace otto::http
