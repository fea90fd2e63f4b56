#include "http/forwarding.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <vector>

#include "http/characters.h"
#include "http/connection_options.h"
#include "http/forwarded.h"
#include "http/head_writer.h"

namespace otto::http {

namespace {

/// What a head goes on with, in either direction.
struct Kept {
    bool upgrade = false;
    bool trailer = false;
    bool expect = false;
    bool host = false;
    bool forwarding = false;  // X-Forwarded-Proto, -Host and -Port, and what claims an identity
    bool max_forwards = true;
    bool request_id = true;
};

bool keeps(FieldId id, const Kept& kept) {
    switch (id) {
        case FieldId::connection:
        case FieldId::content_length:
        case FieldId::forwarded:
        case FieldId::http2_settings:
        case FieldId::keep_alive:
        case FieldId::proxy_authenticate:
        case FieldId::proxy_authentication_info:
        case FieldId::proxy_authorization:
        case FieldId::proxy_connection:
        case FieldId::te:
        case FieldId::transfer_encoding:
        case FieldId::x_forwarded_for:
            return false;
        case FieldId::upgrade:
            return kept.upgrade;
        case FieldId::trailer:
            return kept.trailer;
        case FieldId::expect:
            return kept.expect;
        case FieldId::host:
            return kept.host;
        case FieldId::identity:
        case FieldId::x_forwarded_host:
        case FieldId::x_forwarded_port:
        case FieldId::x_forwarded_proto:
            return kept.forwarding;
        case FieldId::other:
        case FieldId::accept:
        case FieldId::alt_svc:
        case FieldId::authentication:
        case FieldId::content_type:
        case FieldId::date:
        case FieldId::via:
            return true;
        case FieldId::max_forwards:
            return kept.max_forwards;
        case FieldId::x_request_id:
            return kept.request_id;
    }
    return false;
}

/// Connection may only take away what Otto does not act on: else it would be a lever against Otto's
/// own fields.
bool may_be_nominated(FieldId id) {
    return id == FieldId::other || id == FieldId::accept || id == FieldId::alt_svc ||
           id == FieldId::authentication || id == FieldId::trailer;
}

/// Copies the kept fields; afterwards `seen` has a bit for each kind of field that was there.
std::uint32_t append_fields(Runs& runs, const std::vector<Field>& fields, const Kept& kept,
                            bool nominates) {
    std::uint32_t seen = 0;
    std::optional<NominatedFields> nominated;
    if (nominates) nominated.emplace(fields);
    for (const Field& field : fields) {
        seen |= 1u << static_cast<unsigned>(field.id);
        if (!keeps(field.id, kept)) continue;
        if (nominated && may_be_nominated(field.id) && nominated->has(field.name)) continue;
        runs.add(field.line);
    }
    return seen;
}

// One bit each.
static_assert(static_cast<unsigned>(FieldId::identity) < 32);

constexpr bool has(std::uint32_t seen, FieldId id) {
    return (seen >> static_cast<unsigned>(id) & 1u) != 0;
}

void append_framing(Writer& writer, Framing framing, Bytes length) {
    switch (framing) {
        case Framing::length:
            writer.add("Content-Length: ");
            writer.add_number(length);
            writer.add("\r\n");
            return;
        case Framing::chunked:
            writer.add("Transfer-Encoding: chunked\r\n");
            return;
        case Framing::none:
        case Framing::until_close:
            return;
    }
}

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

/// What is known of the client's own request, as opposed to that of the proxy before Otto.
struct ClientSide {
    std::string_view scheme;
    std::string_view host;
};

ClientSide client_side(const RequestHead& request, const ForwardingContext& context,
                       ForwardingFields source) {
    ClientSide client{context.client_scheme, context.client_host};
    if (source == ForwardingFields::x_forwarded)
        client = {forwarded_scheme(request), forwarded_host(request)};
    if (client.scheme.empty()) client.scheme = context.scheme;
    if (client.host.empty()) client.host = request.authority;
    return client;
}

/// The port of a host that was accepted, or the one that the scheme has by default.
std::string_view port_of(const ClientSide& client) {
    const std::size_t colon = client.host.rfind(':');
    const bool has_port = colon != std::string_view::npos && colon + 1 < client.host.size() &&
                          !client.host.ends_with(']');
    if (has_port) return client.host.substr(colon + 1);
    return equal_ignoring_case(client.scheme, "https") ? "443" : "80";
}

/// What the proxies before said of the way of the request, for X-Forwarded-For, from the field that
/// they used.
void append_addresses(Writer& writer, const RequestHead& request, ForwardingFields source) {
    switch (source) {
        case ForwardingFields::none:
            return;
        case ForwardingFields::x_forwarded:
            append_combined(writer, request.fields, FieldId::x_forwarded_for);
            return;
        case ForwardingFields::forwarded:
            for_each_forwarded(request, [&writer](const ForwardedElement& element) {
                const std::string_view ip = ip_of_node(element.node);
                writer.add(ip.empty() ? "unknown" : ip, ", ");
            });
            return;
    }
}

/// The same for Forwarded (RFC 7239 §7.4), with what is known of the client in its element, the
/// first. Returns whether there was any.
bool append_elements(Writer& writer, const RequestHead& request, ForwardingFields source,
                     const ClientSide& client) {
    bool any = false;
    switch (source) {
        case ForwardingFields::none:
            break;
        case ForwardingFields::x_forwarded:
            for (const Field& field : request.fields) {
                if (field.id != FieldId::x_forwarded_for) continue;
                for_each_element(field.value, [&](std::string_view address) {
                    const std::string_view ip = ip_of_node(address);
                    append_node(writer, ip.empty() ? "unknown" : ip);
                    if (!any) append_host_and_scheme(writer, client.host, client.scheme);
                    writer.add(", ");
                    return any = true;
                });
            }
            break;
        case ForwardingFields::forwarded:
            append_combined(writer, request.fields, FieldId::forwarded);
            return true;
    }
    return any;
}

/// The fields about the client. All say the same, whichever of them a trusted proxy sent.
void append_forwarding(Writer& writer, const RequestHead& request, const ForwardingContext& context,
                       std::uint32_t seen) {
    const ForwardingFields source =
        context.trusted ? forwarding_fields(request) : ForwardingFields::none;
    const ClientSide client = client_side(request, context, source);
    const auto is_kept = [&](FieldId id) { return context.trusted && has(seen, id); };
    writer.add("X-Forwarded-For: ");
    append_addresses(writer, request, source);
    writer.add(context.client_ip, "\r\n");
    if (!is_kept(FieldId::x_forwarded_proto))
        writer.add("X-Forwarded-Proto: ", client.scheme, "\r\n");
    if (!client.host.empty() && !is_kept(FieldId::x_forwarded_host))
        writer.add("X-Forwarded-Host: ", client.host, "\r\n");
    if (!is_kept(FieldId::x_forwarded_port))
        writer.add("X-Forwarded-Port: ", port_of(client), "\r\n");

    writer.add("Forwarded: ");
    const bool first = !append_elements(writer, request, source, client);
    append_node(writer, context.client_ip);
    append_host_and_scheme(writer, first ? client.host : request.authority,
                           first ? client.scheme : context.scheme);
    writer.add("\r\n");
}

/// The status line as Otto's own: HTTP/1.1, and the space that must stand before an empty reason
/// (RFC 9112 §4).
void append_status_line(Runs& runs, Writer& writer, const ResponseHead& response) {
    constexpr std::size_t version = 8;  // "HTTP/1.1"
    constexpr std::size_t code = 12;    // "HTTP/1.1 200"
    const std::string_view line = response.status_line;
    if (line.size() > code + 2 && line[version - 1] == '1' && line[code + 1] != ' ') {
        runs.add(line);
        return;
    }
    std::string_view reason = line.substr(code);
    while (reason.starts_with(' ')) reason.remove_prefix(1);
    writer.add("HTTP/1.1", line.substr(version, code - version), " ", reason);
}

void append_connection(Writer& writer, const ReplyFraming& reply, bool keep_alive, bool upgrade) {
    const char* lifetime = "";
    if (!keep_alive) lifetime = "close";
    if (keep_alive && reply.client_is_http10) lifetime = "keep-alive";
    if (*lifetime == '\0' && !upgrade) return;
    writer.add("Connection: ", lifetime, *lifetime != '\0' && upgrade ? ", " : "",
               upgrade ? "upgrade" : "", "\r\n");
}

void append_via(Writer& writer, unsigned version_minor) {
    writer.add("Via: 1.", version_minor == 0 ? "0" : "1", " otto\r\n");
}

/// One less than it came with.
void append_max_forwards(Writer& writer, const RequestHead& request) {
    const auto left = max_forwards(request);
    if (!left || *left == 0) return;
    writer.add("Max-Forwards: ");
    writer.add_number(*left - 1);
    writer.add("\r\n");
}

/// The protocols that are offered, but for h2c.
void append_upgrade(Writer& writer, const RequestHead& request) {
    writer.add("Upgrade: ");
    const char* separator = "";
    for (const Field& field : request.fields) {
        if (field.id != FieldId::upgrade) continue;
        for_each_element(field.value, [&](std::string_view protocol) {
            if (is_h2c(protocol)) return true;
            writer.add(separator, protocol);
            separator = ", ";
            return true;
        });
    }
    writer.add("\r\n");
}

/// What this connection to the server is asked for: a switch of protocols, trailers.
void append_hop_by_hop(Writer& writer, const RequestHead& request, bool upgrade, bool has_te) {
    const bool trailers =
        has_te && request.version_minor > 0 &&
        std::any_of(request.fields.begin(), request.fields.end(), [](const Field& field) {
            return field.id == FieldId::te && has_token(field.value, "trailers");
        });
    if (trailers) writer.add("TE: trailers\r\n");
    if (!trailers && !upgrade) return;
    writer.add("Connection: ", trailers ? "te" : "", trailers && upgrade ? ", " : "",
               upgrade ? "upgrade" : "", "\r\n");
}

}  // namespace

std::optional<Bytes> max_forwards(const RequestHead& request) {
    const Field* field = request.find(FieldId::max_forwards);
    if (field == nullptr) return std::nullopt;
    Bytes number = 0;
    const char* end = field->value.data() + field->value.size();
    const auto parsed = std::from_chars(field->value.data(), end, number);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    return number;
}

void append_request_head(std::string& out, const RequestHead& request,
                         const ForwardingContext& context, bool keep_upgrade) {
    Writer writer(out);
    writer.add(request.method_text, " ");
    if (request.path != "*") {
        writer.add(context.base_path);
        if (!request.path.starts_with('/')) writer.add("/");
    }
    writer.add(request.path, " HTTP/1.1\r\n");

    // Host stays where it is unless something else must be said.
    const bool own_host = request.absolute_form || request.authority.empty();
    const auto& host = request.authority.empty() ? context.server_host : request.authority;
    if (own_host) writer.add("Host: ", host, "\r\n");

    const Kept kept{.upgrade = keep_upgrade && !request.offers_h2c,
                    .trailer = request.framing == Framing::chunked && !context.drop_trailers,
                    .host = !own_host,
                    .forwarding = context.trusted,
                    .max_forwards = request.method != Method::options,
                    .request_id = context.request_id.empty()};
    std::uint32_t seen = 0;
    {
        Runs runs(writer);
        seen = append_fields(runs, request.fields, kept, request.nominates);
    }
    if (request.expect_continue) writer.add("Expect: 100-continue\r\n");
    if (keep_upgrade && request.offers_h2c) append_upgrade(writer, request);
    append_framing(writer, request.framing, request.content_length);
    append_forwarding(writer, request, context, seen);
    if (!context.request_id.empty()) writer.add("X-Request-Id: ", context.request_id, "\r\n");
    if (!kept.max_forwards && has(seen, FieldId::max_forwards))
        append_max_forwards(writer, request);
    if (context.via) append_via(writer, request.version_minor);
    append_hop_by_hop(writer, request, keep_upgrade && has(seen, FieldId::upgrade),
                      has(seen, FieldId::te));
    writer.add("\r\n");
}

Framing reply_framing(const ResponseHead& response, bool client_is_http10) {
    switch (response.framing) {
        case Framing::none:
        case Framing::length:
            return response.framing;
        case Framing::chunked:
        case Framing::until_close:
            return client_is_http10 ? Framing::until_close : Framing::chunked;
    }
    return response.framing;
}

void append_response_head(std::string& out, const ResponseHead& response, const ReplyFraming& reply,
                          std::string_view date) {
    Writer writer(out);
    Framing framing = reply.framing;
    if (framing == Framing::chunked && reply.client_is_http10) framing = Framing::until_close;
    const bool keep_alive = reply.keep_alive && framing != Framing::until_close;

    const bool upgrade = response.status == 101 || response.status == 426;
    const Kept kept{.upgrade = upgrade,
                    .trailer = framing == Framing::chunked,
                    .expect = true,
                    .host = true,
                    .forwarding = true};
    std::uint32_t seen = 0;
    {
        Runs runs(writer);
        append_status_line(runs, writer, response);
        seen = append_fields(runs, response.fields, kept, response.nominates);
    }
    const bool lengthless = response.status < 200 || response.status == 204;
    if (framing == Framing::none && has(seen, FieldId::content_length)) framing = Framing::length;
    if (!lengthless) append_framing(writer, framing, response.content_length);
    if (!has(seen, FieldId::date)) writer.add("Date: ", date, "\r\n");
    if (reply.via) append_via(writer, response.version_minor);
    // A switch of protocols says nothing about the connection's end.
    append_connection(writer, reply, keep_alive || response.status == 101,
                      upgrade && has(seen, FieldId::upgrade));
    if (!reply.set_cookie.empty()) writer.add("Set-Cookie: ", reply.set_cookie, "\r\n");
    writer.add("\r\n");
}

void append_interim_head(std::string& out, const ResponseHead& response) {
    Writer writer(out);
    const Kept kept{.expect = true, .host = true, .forwarding = true};
    {
        Runs runs(writer);
        append_status_line(runs, writer, response);
        append_fields(runs, response.fields, kept, response.nominates);
    }
    writer.add("\r\n");
}

void append_imf_fixdate(std::string& out, long long time) {
    using namespace std::chrono;
    constexpr long long last = 253402300799;  // 9999-12-31T23:59:59Z
    constexpr std::string_view weekdays = "SunMonTueWedThuFriSat";
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const sys_seconds at{seconds(std::clamp(time, 0LL, last))};
    const auto day = floor<days>(at);
    const year_month_day date(day);
    const hh_mm_ss clock(at - day);
    const auto two = [](unsigned number) {
        return std::array<char, 2>{static_cast<char>('0' + number / 10),
                                   static_cast<char>('0' + number % 10)};
    };
    const auto put = [&out, two](unsigned number) { out.append(two(number).data(), 2); };
    out.append(weekdays.substr(weekday(day).c_encoding() * 3, 3)).append(", ");
    put(static_cast<unsigned>(date.day()));
    out.append(" ").append(months.substr((static_cast<unsigned>(date.month()) - 1) * 3, 3));
    out.append(" ");
    const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
    put(year / 100);
    put(year % 100);
    out.append(" ");
    put(static_cast<unsigned>(clock.hours().count()));
    out.append(":");
    put(static_cast<unsigned>(clock.minutes().count()));
    out.append(":");
    put(static_cast<unsigned>(clock.seconds().count()));
    out.append(" GMT");
}

}  // namespace otto::http
