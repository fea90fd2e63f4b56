#include "http1/parse_response.h"

#include <algorithm>
#include <optional>

#include "http/characters.h"
#include "http/connection_options.h"
#include "http1/canonical_head.h"
#include "http1/field_lines.h"

namespace otto::http1 {

using namespace http;

namespace {

ResponseParse malformed(const char* reason) {
    return {ParseState::malformed, 0, reason};
}

ResponseParse over_limit(OverLimit over) {
    return {ParseState::malformed, 0, reason_of(over), over};
}

/// Parses the status line (RFC 9112 §4) into `head` and leaves its length, 0 when it is not
/// complete.
ResponseParse parse_status_line(std::string_view input, ResponseHead& head) {
    constexpr std::string_view prefix = "HTTP/1.";
    constexpr std::size_t fixed = 12;  // "HTTP/1.1 200"
    const std::size_t known = std::min(input.size(), prefix.size());
    if (input.substr(0, known) != prefix.substr(0, known)) return malformed("not HTTP/1");
    for (std::size_t i = prefix.size(); i < std::min(input.size(), fixed); ++i) {
        const bool right =
            i == 8 ? input[i] == ' ' : is_digit(static_cast<unsigned char>(input[i]));
        if (!right) return malformed("a malformed status line");
    }
    if (input.size() <= fixed) return {};

    // A higher minor version is read as the highest known one (RFC 9110 §2.5).
    head.version_minor = input[7] == '0' ? 0 : 1;
    head.status =
        static_cast<unsigned>((input[9] - '0') * 100 + (input[10] - '0') * 10 + (input[11] - '0'));
    if (head.status < 100) return malformed("a status out of range");

    const char* const end = input.data() + input.size();
    const char* stop = input.data() + fixed;
    if (*stop != ' ' && *stop != '\r') return malformed("a malformed status line");
    stop = find_control(stop, end);
    if (stop == end) return {};
    if (*stop == '\n') return malformed("a bare LF");
    if (*stop != '\r') return malformed("a control character in the status line");
    if (stop + 1 == end) return {};
    if (stop[1] != '\n') return malformed("a bare CR");
    const auto length = static_cast<std::size_t>(stop + 2 - input.data());
    head.status_line = input.substr(0, length);
    return {ParseState::complete, length, ""};
}

/// The length that a Content-Length field says, be it repeated (RFC 9110 §8.6); nothing when it is
/// malformed, or says two.
std::optional<Bytes> repeated_length(std::string_view value) {
    const auto length = parse_content_length(value.substr(0, value.find_first_of(", \t")));
    std::ptrdiff_t elements = 0;
    const bool same = for_each_element(value, [&](std::string_view element) {
        ++elements;
        return parse_content_length(element) == length;
    });
    if (!same || elements != std::count(value.begin(), value.end(), ',') + 1) return std::nullopt;
    return length;
}

/// Decides about body and connection, RFC 9112 §6.3 and §9.3; null, or what is wrong.
const char* judge(ResponseHead& head, Method method) {
    ConnectionOptions options;
    bool has_length = false;
    bool chunked = false;
    for (const Field& field : head.fields) {
        if (field.id == FieldId::connection) {
            options.add(field.value);
        } else if (field.id == FieldId::content_length) {
            const auto length = repeated_length(field.value);
            if (!length) return "a malformed Content-Length";
            if (has_length && *length != head.content_length)
                return "two different values of Content-Length";
            has_length = true;
            head.content_length = *length;
        } else if (field.id == FieldId::transfer_encoding) {
            if (chunked) return "more than one Transfer-Encoding";
            if (!equal_ignoring_case(field.value, "chunked")) return "an unknown transfer coding";
            chunked = true;
        } else if (field.id == FieldId::authentication) {
            if (authenticates_connection(field.value)) head.connection_authentication = true;
        }
    }
    if (options.count > max_connection_options) return "too many connection options";
    if (chunked && has_length) return "both Transfer-Encoding and Content-Length";
    if (chunked && head.version_minor == 0) return "Transfer-Encoding in HTTP/1.0";

    head.nominates = options.nominates;
    head.keep_alive = !options.close && (head.version_minor == 1 || options.keep_alive);
    const bool claims_body = chunked || (has_length && head.content_length > 0);
    const bool interim = head.status < 200;
    // What follows an interim response is read as the next one: there is no way out by closing.
    if (interim && claims_body) return "an interim response with a body";
    if (head.status == 101 || (method == Method::connect && head.status / 100 == 2))
        head.keep_alive = false;
    if (head.status == 204 && claims_body) head.keep_alive = false;

    if (interim || head.status == 204 || head.status == 304 || method == Method::head ||
        (method == Method::connect && head.status / 100 == 2)) {
        head.framing = Framing::none;
    } else if (chunked) {
        head.framing = Framing::chunked;
    } else if (has_length) {
        head.framing = Framing::length;
    } else {
        head.framing = Framing::until_close;
        head.keep_alive = false;
    }
    return nullptr;
}

/// Whether an empty line follows a line end, in what has come since `input` had `seen` bytes.
bool has_empty_line(std::string_view input, std::size_t seen) {
    constexpr std::size_t longest = 3;  // LF CR LF
    std::size_t at = seen < longest ? 0 : seen - longest + 1;
    while ((at = input.find('\n', at)) != std::string_view::npos) {
        ++at;
        const std::string_view next = input.substr(at, 2);
        if (next.starts_with('\n') || next == "\r\n") return true;
    }
    return false;
}

/// What the grammar says, and no more.
ResponseParse parse_strictly(std::string_view input, Method method, ResponseHead& head,
                             unsigned most_fields) {
    const ResponseParse first = parse_status_line(input, head);
    if (first.state != ParseState::complete) return first;
    const auto lines = parse_field_lines(input.substr(first.length), most_fields, head.fields);
    switch (lines.state) {
        case FieldLines::State::incomplete:
            return {};
        case FieldLines::State::malformed:
            return malformed(lines.reason);
        case FieldLines::State::too_many:
            return over_limit(OverLimit::header_count);
        case FieldLines::State::complete:
            break;
    }
    if (const char* wrong = judge(head, method)) return malformed(wrong);
    return {ParseState::complete, first.length + lines.length, ""};
}

}  // namespace

ResponseParse parse_response_head(std::string_view input, Method method, ResponseHead& head,
                                  const ResponseLimits& limits) {
    head.clear();
    const std::string_view window = input.substr(0, limits.header_bytes);
    ResponseParse result = parse_strictly(window, method, head, limits.header_count);
    if (result.state == ParseState::malformed) {
        const CanonicalHead canonical = canonical_head(window, head.canonical);
        if (canonical.wrong != nullptr) return malformed(canonical.wrong);
        head.fields.clear();
        result = parse_strictly(head.canonical, method, head, limits.header_count);
        if (result.state == ParseState::complete) result.length = canonical.length;
    }
    if (result.state == ParseState::incomplete && input.size() >= limits.header_bytes)
        return over_limit(OverLimit::header_bytes);
    return result;
}

ResponseParse ResponseHeadReader::parse(std::string_view input, Method method, ResponseHead& head,
                                        const ResponseLimits& limits) {
    if (parsed_ != 0 && !worth_parsing(input, limits.header_bytes)) return {};
    parsed_ = seen_ = input.size();
    const ResponseParse result = parse_response_head(input, method, head, limits);
    if (result.state != ParseState::incomplete) *this = {};
    return result;
}

/// Once the end of the head is there. Before that only while the head is short, or has doubled: so
/// that what is not HTTP is found soon.
bool ResponseHeadReader::worth_parsing(std::string_view input, Bytes most) {
    constexpr std::size_t is_short = 128;
    if (input.size() <= is_short || input.size() >= most) return true;
    const bool ended = has_empty_line(input, seen_);
    seen_ = input.size();
    return ended || input.size() / 2 >= parsed_;
}

}  // namespace otto::http1
