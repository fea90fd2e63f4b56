#include "http/parse_request.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <utility>

#include <arpa/inet.h>

#include "http/characters.h"
#include "http/connection_options.h"
#include "http/field_lines.h"

namespace otto::http {

namespace {

constexpr std::size_t max_empty_lines = 4;
constexpr std::size_t max_method = 64;
constexpr std::size_t max_coding = 64;
constexpr std::size_t https_length = 8;  // "https://"
// Of a request line: method, two spaces, version and CRLF.
constexpr std::size_t around_target = max_method + 2 + 8 + 2;

constexpr Refusal bad(const char* reason) {
    return {400, reason};
}

Method method_of(std::string_view text) {
    switch (text.size()) {
        case 3:
            if (text == "GET") return Method::get;
            if (text == "PUT") return Method::put;
            break;
        case 4:
            if (text == "POST") return Method::post;
            if (text == "HEAD") return Method::head;
            break;
        case 5:
            if (text == "PATCH") return Method::patch;
            if (text == "TRACE") return Method::trace;
            break;
        case 6:
            if (text == "DELETE") return Method::delete_;
            break;
        case 7:
            if (text == "OPTIONS") return Method::options;
            if (text == "CONNECT") return Method::connect;
            break;
    }
    return Method::other;
}

bool is_port(std::string_view text) {
    unsigned port = 0;
    for (const char c : text) {
        if (!is_digit(static_cast<unsigned char>(c))) return false;
        port = port * 10 + static_cast<unsigned>(c - '0');
        if (port > 65535) return false;
    }
    return text.size() <= 5;
}

bool is_ipv6(std::string_view text) {
    char terminated[INET6_ADDRSTRLEN] = {};
    if (text.size() >= sizeof terminated) return false;
    text.copy(terminated, text.size());
    in6_addr address{};
    return inet_pton(AF_INET6, terminated, &address) == 1;
}

/// The length of "http://" or "https://" before the rest of `target`; 0: neither is there.
std::size_t scheme_length(std::string_view target) {
    for (const std::string_view scheme : {"http://", "https://"})
        if (target.size() >= scheme.size() &&
            equal_ignoring_case(target.substr(0, scheme.size()), scheme))
            return scheme.size();
    return 0;
}

/// Takes a target apart (RFC 9112 §3.2).
Refusal parse_target(const RequestLimits& limits, RequestHead& head) {
    const std::string_view target = head.target;
    if (head.method == Method::connect) {
        const bool has_port = target.back() != ':' && target.rfind(':') != std::string_view::npos &&
                              target.back() != ']';
        if (!has_port || !is_authority(target)) return bad("CONNECT without host and port");
        head.authority = target;
        return {};
    }
    if (target.front() == '/') {
        head.path = target;
        return {};
    }
    if (target == "*") {
        if (head.method != Method::options) return bad("the target \"*\" without OPTIONS");
        head.path = target;
        return {};
    }
    const std::size_t scheme = scheme_length(target);
    if (scheme == 0) return bad("a malformed target");
    const std::size_t path = std::min(target.find_first_of("/?", scheme), target.size());
    head.absolute_form = true;
    head.authority = target.substr(scheme, path - scheme);
    head.path = target.substr(path);
    if (!is_authority(head.authority)) return bad("a malformed authority in the target");
    if (head.authority.ends_with(':')) head.authority.remove_suffix(1);
    head.https = scheme == https_length;
    if (head.https && !limits.secure) return {421, "an https target without TLS"};
    if (head.path.empty()) head.path = head.method == Method::options ? "*" : "/";
    return {};
}

/// Judges what stands for the version, up to CRLF (RFC 9112 §2.3).
Refusal parse_version(std::string_view text, RequestHead& head) {
    const bool well_formed = text.size() == 8 && text.substr(0, 5) == "HTTP/" &&
                             is_digit(static_cast<unsigned char>(text[5])) && text[6] == '.' &&
                             is_digit(static_cast<unsigned char>(text[7]));
    if (!well_formed) return bad("a malformed version");
    if (text[5] != '1') return {505, "an unsupported HTTP version"};
    // A higher minor version is served as the highest known one (RFC 9110 §2.5).
    head.version_minor = text[7] == '0' ? 0 : 1;
    return {};
}

/// Parses the request line (RFC 9112 §3) and leaves its length with CRLF.
Refusal parse_request_line(std::string_view input, const RequestLimits& limits, RequestHead& head,
                           std::size_t& length) {
    const char* const begin = input.data();
    const char* const end = begin + input.size();
    const char* at = begin;
    while (at != end && look_up(token_table, *at) != 0) ++at;
    head.method_text = {begin, static_cast<std::size_t>(at - begin)};
    if (at == begin || at == end || *at != ' ') return bad("a malformed method");
    if (head.method_text.size() > max_method) return {501, "the method is too long"};
    head.method = method_of(head.method_text);

    const char* const target = ++at;
    while (at != end && look_up(target_table, *at) != 0) ++at;
    head.target = {target, static_cast<std::size_t>(at - target)};
    if (head.target.size() > limits.target_bytes) return {414, "the target is too long"};
    if (head.target.empty()) return bad("an empty target");
    if (at != end && *at == '\r') return bad("a request line without a version");
    if (at == end || *at != ' ') return bad("an invalid character in the target");

    const char* const version = ++at;
    at = find_control(version, end);
    if (end - at < 2 || at[0] != '\r' || at[1] != '\n') return bad("a malformed request line");
    const Refusal refusal = parse_version({version, static_cast<std::size_t>(at - version)}, head);
    if (refusal) return refusal;
    length = static_cast<std::size_t>(at + 2 - begin);
    return parse_target(limits, head);
}

/// The transfer codings of a request, of all its fields together. Well-formed but unknown ones,
/// before chunked or alone, are 501 (RFC 9112 §6.1); what only resembles "chunked", or has it twice
/// or not last, or is longer than any coding, is 400.
struct Codings {
    bool seen = false;
    bool malformed = false;
    bool unknown = false;
    bool chunked = false;

    void add(std::string_view value) {
        seen = true;
        std::ptrdiff_t elements = 0;
        const bool clean = for_each_element(value, [&](std::string_view coding) {
            ++elements;
            return add_coding(coding);
        });
        // An empty element may be where another reader sees something.
        if (!clean || elements != std::count(value.begin(), value.end(), ',') + 1) malformed = true;
    }

    Refusal verdict() const {
        if (malformed) return bad("a malformed Transfer-Encoding");
        if (unknown) return {501, "an unknown transfer coding"};
        return {};
    }

  private:
    bool add_coding(std::string_view coding) {
        constexpr std::string_view known = "chunked";
        if (coding.size() > max_coding || chunked) return false;
        if (equal_ignoring_case(coding, known)) return chunked = true;
        unknown = true;
        const std::string_view name = trim(coding.substr(0, coding.find(';')));
        if (!is_token(name)) return false;
        for (std::size_t i = 0; i + known.size() <= name.size(); ++i)
            if (equal_ignoring_case(name.substr(i, known.size()), known)) return false;
        return true;
    }
};

/// An authority that is_authority() accepted, taken apart. A port that is not there, or empty, is
/// `default_port`.
std::pair<std::string_view, unsigned> split_authority(std::string_view authority,
                                                      unsigned default_port) {
    const std::size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos || authority.ends_with(']'))
        return {authority, default_port};
    unsigned port = default_port;
    std::from_chars(authority.data() + colon + 1, authority.data() + authority.size(), port);
    return {authority.substr(0, colon), port};
}

/// Whether two authorities are the same by RFC 9110 §4.2.3: without regard to case, and the port
/// that the scheme has by default may be left out.
bool same_authority(std::string_view left, std::string_view right, unsigned default_port) {
    const auto [left_host, left_port] = split_authority(left, default_port);
    const auto [right_host, right_port] = split_authority(right, default_port);
    return left_port == right_port && equal_ignoring_case(left_host, right_host);
}

/// What the fields of one request say together.
struct Judge {
    RequestHead& head;
    ConnectionOptions options{};
    bool has_host = false;
    bool has_length = false;
    bool has_upgrade = false;
    bool offers_other = false;  // than h2c
    bool expects = false;
    bool expects_other = false;
    Codings codings{};

    Refusal see_host(std::string_view value) {
        if (has_host) return bad("more than one Host");
        has_host = true;
        if (!is_authority(value)) return bad(value.empty() ? "an empty Host" : "a malformed Host");
        if (head.method == Method::connect) return {};
        if (!head.absolute_form) {
            head.authority = value;
        } else if (!same_authority(head.authority, value, head.https ? 443 : 80)) {
            return bad("a Host that differs from the target's");
        }
        return {};
    }

    Refusal see_length(std::string_view value) {
        if (has_length) return bad("more than one Content-Length");
        has_length = true;
        const auto length = parse_content_length(value);
        if (!length) return bad("a malformed Content-Length");
        head.content_length = *length;
        return {};
    }

    /// Of an offer of h2c nothing remains: requests within it would pass unseen.
    void see_upgrade(std::string_view value) {
        has_upgrade = true;
        for_each_element(value, [this](std::string_view protocol) {
            if (is_h2c(protocol))
                head.offers_h2c = true;
            else
                offers_other = true;
            return true;
        });
    }

    /// Twice is a list, as in one field: nothing that Otto knows to be met.
    void see_expect(std::string_view value) {
        for_each_element(value, [this](std::string_view expectation) {
            if (expects || !equal_ignoring_case(expectation, "100-continue")) expects_other = true;
            expects = true;
            return true;
        });
    }

    Refusal see(const Field& field) {
        switch (field.id) {
            case FieldId::host:
                return see_host(field.value);
            case FieldId::content_length:
                return see_length(field.value);
            case FieldId::transfer_encoding:
                codings.add(field.value);
                return {};
            case FieldId::connection:
                options.add(field.value);
                return {};
            case FieldId::upgrade:
                see_upgrade(field.value);
                return {};
            case FieldId::expect:
                see_expect(field.value);
                return {};
            case FieldId::authentication:
                if (authenticates_connection(field.value)) head.connection_authentication = true;
                return {};
            case FieldId::other:
            case FieldId::accept:
            case FieldId::alt_svc:
            case FieldId::content_type:
            case FieldId::date:
            case FieldId::forwarded:
            case FieldId::http2_settings:
            case FieldId::keep_alive:
            case FieldId::max_forwards:
            case FieldId::proxy_authenticate:
            case FieldId::proxy_authentication_info:
            case FieldId::proxy_authorization:
            case FieldId::proxy_connection:
            case FieldId::te:
            case FieldId::trailer:
            case FieldId::via:
            case FieldId::x_forwarded_for:
            case FieldId::identity:
            case FieldId::x_forwarded_host:
            case FieldId::x_forwarded_port:
            case FieldId::x_forwarded_proto:
            case FieldId::x_request_id:
                return {};
        }
        return {};
    }

    Refusal conclude() {
        const bool current = head.version_minor == 1;
        if (!has_host && current) return bad("a missing Host");
        if (codings.seen && has_length) return bad("both Transfer-Encoding and Content-Length");
        if (codings.seen && !current) return bad("Transfer-Encoding in HTTP/1.0");
        if (const Refusal refusal = codings.verdict()) return refusal;
        if (options.count > max_connection_options) return bad("too many connection options");
        if (expects_other) return {417, "an unknown expectation"};

        head.framing = Framing::none;
        if (has_length) head.framing = Framing::length;
        if (codings.seen) head.framing = Framing::chunked;
        const bool has_body = codings.seen || head.content_length > 0;
        head.expect_continue = expects && current && has_body;
        head.upgrade =
            has_upgrade && options.upgrade && current && (offers_other || !head.offers_h2c);
        head.nominates = options.nominates;
        head.keep_alive =
            !options.close && (current || options.keep_alive) && head.method != Method::connect;
        return {};
    }
};

}  // namespace

bool is_authority(std::string_view text) {
    if (text.empty()) return false;
    std::size_t end = 0;
    if (text.front() == '[') {
        const auto bracket = text.find(']');
        if (bracket == std::string_view::npos || !is_ipv6(text.substr(1, bracket - 1)))
            return false;
        end = bracket + 1;
    } else {
        for (; end < text.size() && text[end] != ':'; ++end) {
            if (look_up(host_table, text[end]) != 0) continue;
            if (text[end] != '%' || text.size() - end < 3) return false;
            if (look_up(hex_table, text[end + 1]) == 0 || look_up(hex_table, text[end + 2]) == 0)
                return false;
            end += 2;
        }
        if (end == 0) return false;
    }
    return end == text.size() || (text[end] == ':' && is_port(text.substr(end + 1)));
}

HeadScan scan_request_head(std::string_view input, std::size_t from, const RequestLimits& limits) {
    HeadScan scan;
    while (input.substr(scan.skip, 2) == "\r\n") scan.skip += 2;
    if (scan.skip > 2 * max_empty_lines) {
        scan.refusal = bad("too many empty lines before a request");
        return scan;
    }

    // One byte back: it may be a CR that waited for its LF.
    const char* const begin = input.data() + scan.skip;
    const char* const end = input.data() + input.size();
    const char* at = input.data() + std::max(scan.skip, from == 0 ? 0 : from - 1);
    for (; (at = find_control(at, end)) != end; ++at) {
        if (*at == '\n') {
            if (at == begin || at[-1] != '\r') {
                scan.refusal = bad("a bare LF");
                return scan;
            }
            continue;
        }
        if (*at != '\r') {
            scan.refusal = bad("a control character");
            return scan;
        }
        if (at + 1 == end) break;
        if (at[1] != '\n') {
            scan.refusal = bad("a bare CR");
            return scan;
        }
        if (at != begin && at[-1] == '\n') {
            scan.length = static_cast<std::size_t>(at + 2 - begin);
            break;
        }
        ++at;
    }

    const std::size_t seen = scan.length != 0 ? scan.length : input.size() - scan.skip;
    const std::size_t line_limit = limits.target_bytes + around_target;
    const std::size_t before = from > scan.skip ? from - scan.skip : 0;
    // Only the call that passes the limit needs to look for the request line's end: an earlier one
    // has, and waited on.
    if (seen > line_limit && before <= line_limit &&
        std::memchr(begin, '\n', line_limit) == nullptr) {
        scan.refusal = is_token({begin, max_method + 1})
                           ? Refusal{501, "the method is too long"}
                           : Refusal{414, "the request line is too long"};
    } else if (seen > limits.header_bytes) {
        scan.refusal = {431, "the header is too long"};
    }
    return scan;
}

Refusal judge_request_line(std::string_view input, std::size_t from, const RequestLimits& limits) {
    const std::string_view fresh = input.substr(std::min(from, input.size()));
    if (fresh.find('\n') == std::string_view::npos) return {};
    while (input.starts_with("\r\n")) input.remove_prefix(2);
    const std::size_t lf = input.find('\n');
    // An earlier call has judged a line that ended earlier.
    if (lf == std::string_view::npos || input.size() - lf > fresh.size()) return {};
    RequestHead head;
    std::size_t length = 0;
    return parse_request_line(input, limits, head, length);
}

bool begins_head_request(std::string_view input) {
    constexpr std::string_view method = "HEAD";
    input.remove_prefix(std::min(input.find_first_not_of("\r\n"), input.size()));
    if (!input.starts_with(method)) return false;
    return input.size() == method.size() || look_up(token_table, input[method.size()]) == 0;
}

Refusal parse_request_head(std::string_view input, const RequestLimits& limits, RequestHead& head) {
    head.clear();
    std::size_t line = 0;
    if (const Refusal refusal = parse_request_line(input, limits, head, line)) return refusal;
    if (input.size() > limits.header_bytes) return {431, "the header is too long"};

    const auto lines = parse_field_lines(input.substr(line), limits.header_count, head.fields);
    switch (lines.state) {
        case FieldLines::State::incomplete:
            return bad("an incomplete header");
        case FieldLines::State::malformed:
            return bad(lines.reason);
        case FieldLines::State::too_many:
            return {431, lines.reason};
        case FieldLines::State::complete:
            break;
    }
    if (line + lines.length != input.size()) return bad("bytes after the header");

    Judge judge{head};
    for (Field& field : head.fields) {
        if (const Refusal refusal = judge.see(field)) return refusal;
        if (!lines.underscore) continue;
        const FieldId imitated = imitated_field(field.name);
        if (imitated == FieldId::identity)
            field.id = imitated;
        else if (imitated != FieldId::other)
            return bad("a field name that imitates another");
    }
    return judge.conclude();
}

}  // namespace otto::http
