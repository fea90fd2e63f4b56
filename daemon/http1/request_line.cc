#include "http1/request_line.h"

#include <algorithm>

#include "http/authority.h"
#include "http/characters.h"

namespace otto::http1 {

using namespace http;

namespace {

constexpr std::size_t https_length = 8;  // "https://"

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
        if (!has_port || !is_authority(target)) return bad_request("CONNECT without host and port");
        head.authority = target;
        return {};
    }
    if (target.front() == '/') {
        head.path = target;
        return {};
    }
    if (target == "*") {
        if (head.method != Method::options) return bad_request("the target \"*\" without OPTIONS");
        head.path = target;
        return {};
    }
    const std::size_t scheme = scheme_length(target);
    if (scheme == 0) return bad_request("a malformed target");
    const std::size_t path = std::min(target.find_first_of("/?", scheme), target.size());
    head.absolute_form = true;
    head.authority = target.substr(scheme, path - scheme);
    head.path = target.substr(path);
    if (!is_authority(head.authority)) return bad_request("a malformed authority in the target");
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
    if (!well_formed) return bad_request("a malformed version");
    if (text[5] != '1') return {505, "an unsupported HTTP version"};
    // A higher minor version is served as the highest known one (RFC 9110 §2.5).
    head.version_minor = text[7] == '0' ? 0 : 1;
    return {};
}

}  // namespace

Refusal parse_request_line(std::string_view input, const RequestLimits& limits, RequestHead& head,
                           std::size_t& length) {
    const char* const begin = input.data();
    const char* const end = begin + input.size();
    const char* at = begin;
    while (at != end && look_up(token_table, *at) != 0) ++at;
    head.method_text = {begin, static_cast<std::size_t>(at - begin)};
    if (at == begin || at == end || *at != ' ') return bad_request("a malformed method");
    if (head.method_text.size() > max_method) return {501, "the method is too long"};
    head.method = method_of(head.method_text);

    const char* const target = ++at;
    while (at != end && look_up(target_table, *at) != 0) ++at;
    head.target = {target, static_cast<std::size_t>(at - target)};
    if (head.target.size() > limits.target_bytes) return {414, "the target is too long"};
    if (head.target.empty()) return bad_request("an empty target");
    if (at != end && *at == '\r') return bad_request("a request line without a version");
    if (at == end || *at != ' ') return bad_request("an invalid character in the target");

    const char* const version = ++at;
    at = find_control(version, end);
    if (end - at < 2 || at[0] != '\r' || at[1] != '\n')
        return bad_request("a malformed request line");
    const Refusal refusal = parse_version({version, static_cast<std::size_t>(at - version)}, head);
    if (refusal) return refusal;
    length = static_cast<std::size_t>(at + 2 - begin);
    return parse_target(limits, head);
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

}  // namespace otto::http1
