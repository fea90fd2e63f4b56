#include "http1/parse_request.h"

#include <algorithm>
#include <cstring>

#include "http/characters.h"
#include "http/connection_options.h"
#include "http/request_judge.h"
#include "http1/field_lines.h"
#include "http1/request_line.h"
#include "http1/transfer_codings.h"

namespace otto::http1 {

using namespace http;

namespace {

constexpr std::size_t max_empty_lines = 4;
// Of a request line: method, two spaces, version and CRLF.
constexpr std::size_t around_target = max_method + 2 + 8 + 2;

/// What the fields of one request say together, with those that are of HTTP/1 alone.
struct Judge {
    RequestHead& head;
    RequestJudge fields{head};
    ConnectionOptions options{};
    TransferCodings codings{};
    bool has_upgrade = false;
    bool offers_other = false;  // than h2c

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

    Refusal see(const Field& field) {
        switch (field.id) {
            case FieldId::host:
                return fields.see_host(field.value);
            case FieldId::content_length:
                return fields.see_length(field.value);
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
                fields.see_expect(field.value);
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
        if (!fields.has_host() && current) return bad_request("a missing Host");
        if (codings.seen() && fields.has_length())
            return bad_request("both Transfer-Encoding and Content-Length");
        if (codings.seen() && !current) return bad_request("Transfer-Encoding in HTTP/1.0");
        if (const Refusal refusal = codings.verdict()) return refusal;
        if (options.count > max_connection_options)
            return bad_request("too many connection options");
        if (fields.expects_other()) return {417, "an unknown expectation"};

        head.framing = Framing::none;
        if (fields.has_length()) head.framing = Framing::length;
        if (codings.seen()) head.framing = Framing::chunked;
        const bool has_body = codings.seen() || head.content_length > 0;
        head.expect_continue = fields.expects() && current && has_body;
        head.upgrade =
            has_upgrade && options.upgrade && current && (offers_other || !head.offers_h2c);
        head.nominates = options.nominates;
        head.keep_alive =
            !options.close && (current || options.keep_alive) && head.method != Method::connect;
        return {};
    }
};

}  // namespace

HeadScan scan_request_head(std::string_view input, std::size_t from, const RequestLimits& limits) {
    HeadScan scan;
    while (input.substr(scan.skip, 2) == "\r\n") scan.skip += 2;
    if (scan.skip > 2 * max_empty_lines) {
        scan.refusal = bad_request("too many empty lines before a request");
        return scan;
    }

    // One byte back: it may be a CR that waited for its LF.
    const char* const begin = input.data() + scan.skip;
    const char* const end = input.data() + input.size();
    const char* at = input.data() + std::max(scan.skip, from == 0 ? 0 : from - 1);
    for (; (at = find_control(at, end)) != end; ++at) {
        if (*at == '\n') {
            if (at == begin || at[-1] != '\r') {
                scan.refusal = bad_request("a bare LF");
                return scan;
            }
            continue;
        }
        if (*at != '\r') {
            scan.refusal = bad_request("a control character");
            return scan;
        }
        if (at + 1 == end) break;
        if (at[1] != '\n') {
            scan.refusal = bad_request("a bare CR");
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

Refusal parse_request_head(std::string_view input, const RequestLimits& limits, RequestHead& head) {
    head.clear();
    std::size_t line = 0;
    if (const Refusal refusal = parse_request_line(input, limits, head, line)) return refusal;
    if (input.size() > limits.header_bytes) return {431, "the header is too long"};

    const auto lines = parse_field_lines(input.substr(line), limits.header_count, head.fields);
    switch (lines.state) {
        case FieldLines::State::incomplete:
            return bad_request("an incomplete header");
        case FieldLines::State::malformed:
            return bad_request(lines.reason);
        case FieldLines::State::too_many:
            return {431, lines.reason};
        case FieldLines::State::complete:
            break;
    }
    if (line + lines.length != input.size()) return bad_request("bytes after the header");

    Judge judge{head};
    for (Field& field : head.fields) {
        if (const Refusal refusal = judge.see(field)) return refusal;
        if (!lines.underscore) continue;
        const FieldId imitated = imitated_field(field.name);
        if (imitated == FieldId::identity)
            field.id = imitated;
        else if (imitated != FieldId::other)
            return bad_request("a field name that imitates another");
    }
    return judge.conclude();
}

}  // namespace otto::http1
