#include "config/locator.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "config/units.h"
#include "config/wording.h"

namespace otto {

namespace {

constexpr auto npos = std::string_view::npos;
constexpr std::size_t longest_url = 2048;
constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

bool one_of(char byte, std::string_view set) {
    return set.find(byte) != npos;
}
bool alphanumeric(char byte) {
    return one_of(byte, letters) || one_of(byte, digits);
}
bool hexadecimal(char byte) {
    return one_of(byte, "0123456789abcdefABCDEF");
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& byte : lower)
        if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte | 0x20);
    return lower;
}

Error reason(std::string message) {
    return Error{std::move(message)};
}

Error instead(std::string_view why, std::string_view suggestion) {
    return reason(fmt::format("{}; did you mean {}?", why, quoted(suggestion)));
}

std::string check_label(std::string_view label) {
    if (label.empty()) return "the host has an empty part";
    if (label.size() > 63) return "a part of the host has more than 63 bytes";
    for (const char byte : label)
        if (!alphanumeric(byte) && byte != '-' && byte != '_')
            return quoted({&byte, 1}) + " is not allowed in a host name";
    if (label.front() == '-' || label.back() == '-')
        return "a part of the host starts or ends with \"-\"";
    return "";
}

std::string check_name(std::string_view name) {
    if (name.empty()) return "the host is missing";
    if (name.size() > 253) return "the host has more than 253 bytes";
    // A byte of a longer character would be shown cut in half.
    for (const char byte : name)
        if ((byte & 0x80) != 0) return "a host name must be ASCII (xn--… for other scripts)";
    std::string_view label;
    for (std::size_t at = 0; at <= name.size(); at += label.size() + 1) {
        label = name.substr(at, name.find('.', at) - at);
        if (auto wrong = check_label(label); !wrong.empty()) return wrong;
    }
    // What ends in a number would be read as an address by some and as a name by others ("127.1",
    // "0x7f000001").
    const bool number = label.find_first_not_of(digits) == npos;
    const bool prefixed = label.size() > 1 && label[0] == '0' && (label[1] | 0x20) == 'x';
    return number || prefixed ? "this is neither an IPv4 address nor a name" : "";
}

Result<std::uint16_t> parse_port(std::string_view text) {
    const auto port = parse_whole(text);
    if (!port || *port > 65535) return reason("the port is not a number from 0 to 65535");
    return static_cast<std::uint16_t>(*port);
}

bool dot_segment(std::string_view segment) {
    std::string plain;
    for (std::size_t at = 0; at < segment.size(); ++at) {
        const bool dot = lower_case(segment.substr(at, 3)) == "%2e";
        plain += dot ? '.' : segment[at];
        if (dot) at += 2;
    }
    return plain == "." || plain == "..";
}

std::string check_segments(std::string_view path) {
    if (path.empty() || path.front() != '/') return "a path must start with \"/\"";
    for (std::size_t at = 1; at <= path.size();) {
        const std::string_view segment = path.substr(at, path.find('/', at) - at);
        if (dot_segment(segment)) return "the path has a \".\" or \"..\" segment";
        at += segment.size() + 1;
        if (segment.empty() && at <= path.size()) return "the path has an empty segment";
    }
    return "";
}

Result<ServerConfig> parse_unix(std::string_view path) {
    if (path.substr(0, 2) == "//" && path.substr(0, 3) != "///")
        return reason("the URL of a UNIX socket must not have a host");
    if (path.substr(0, 3) == "///")
        return instead("the path must start with a single slash",
                       fmt::format("unix:{}", path.substr(2)));
    const bool abstract = !path.empty() && path.front() == '@';
    if (abstract ? path.size() == 1 : path.empty() || path.front() != '/')
        return reason("the path of a UNIX socket must start with \"/\", or with \"@\" if abstract");
    if (printable(path) != path) return reason("the path contains a control character");
    if (!abstract) {
        if (auto wrong = check_segments(path); !wrong.empty()) return reason(std::move(wrong));
        if (path.back() == '/') return reason("the path ends with a slash");
    }
    if (const auto address = Address::from_path(path); !address) return address.error();
    ServerConfig server;
    server.socket_path = path;
    server.url = fmt::format("unix:{}", path);
    server.name = server.url;
    return server;
}

Result<ServerConfig> parse_http(std::string_view text) {
    const auto end = std::min(text.find_first_of("/?#"), text.size());
    const std::string_view authority_text = text.substr(0, end);
    std::string_view path = text.substr(end);
    if (authority_text.find('@') != npos)
        return reason("a server URL must not contain a user or a password");
    if (path.find_first_of("?#") != npos)
        return reason("a server URL must not contain a query or a fragment");
    const auto authority = parse_authority(authority_text);
    if (!authority) return authority.error();
    if (authority->port == 0) return reason("the port of a server must be from 1 to 65535");
    if (!path.empty()) {
        auto wrong = check_path(path, false);
        if (wrong.empty()) wrong = check_segments(path);
        if (!wrong.empty()) return reason(std::move(wrong));
    }
    if (!path.empty() && path.back() == '/') path.remove_suffix(1);
    ServerConfig server;
    server.host = authority->host;
    server.port = authority->port.value_or(80);
    server.base_path = path;
    server.url = fmt::format("http://{}:{}{}", authority->url_host(), server.port, path);
    server.name = server.url;
    return server;
}

}  // namespace

std::string Authority::url_host() const {
    return host.find(':') == npos ? host : fmt::format("[{}]", host);
}

Result<Authority> parse_authority(std::string_view text, bool allow_empty) {
    Authority authority;
    const bool bracketed = !text.empty() && text.front() == '[';
    const auto host_end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
    if (host_end == npos) return reason("the \"]\" of the IPv6 address is missing");
    const std::string_view host = text.substr(bracketed ? 1 : 0, host_end - (bracketed ? 1 : 0));
    std::string_view rest = text.substr(host_end + (bracketed ? 1 : 0));
    if (!bracketed && std::count(rest.begin(), rest.end(), ':') > 1)
        return reason("an IPv6 address must be in brackets");
    const auto address = Address::from_ip(host, 0);
    authority.literal = address && bracketed == (host.find(':') != npos);
    if (authority.literal) {
        authority.host = address->ip();
    } else if (bracketed) {
        return reason("the brackets do not contain an IPv6 address");
    } else if (!host.empty() || !allow_empty) {
        if (auto wrong = check_name(host); !wrong.empty()) return reason(std::move(wrong));
        authority.host = lower_case(host);
    }
    if (rest.empty()) return authority;
    if (rest.front() != ':') return reason("only a port can follow the address");
    const auto port = parse_port(rest.substr(1));
    if (!port) return port.error();
    authority.port = *port;
    return authority;
}

Result<ListenConfig> parse_listen(std::string_view text) {
    if (const auto port = parse_whole(text); port && *port <= 65535)
        return instead("the port must follow a colon", fmt::format(":{}", text));
    if (text.substr(0, 2) == "*:")
        return instead("an empty host means all addresses", text.substr(1));
    const auto authority = parse_authority(text, true);
    if (!authority) return authority.error();
    if (!authority->port) return reason("the port is missing");
    if (!authority->host.empty() && !authority->literal) {
        constexpr std::string_view why = "the host must be an IP address or empty";
        if (authority->host != "localhost") return reason(std::string(why));
        return instead(why, fmt::format("127.0.0.1:{}", *authority->port));
    }
    return ListenConfig{authority->host, *authority->port, std::string(text)};
}

Result<Address> parse_local_listen(std::string_view text) {
    if (lower_case(text.substr(0, 5)) == "unix:") {
        const auto unix_socket = parse_unix(text.substr(5));
        if (!unix_socket) return unix_socket.error();
        return Address::from_path(unix_socket->socket_path);
    }
    const auto listen = parse_listen(text);
    if (!listen) return listen.error();
    auto address =
        Address::from_ip(listen->host.empty() ? "127.0.0.1" : listen->host, listen->port);
    if (address && !address->is_loopback()) return reason("other hosts can reach it");
    return address;
}

Result<ServerConfig> parse_server_url(std::string_view text) {
    if (text.size() > longest_url)
        return reason(fmt::format("it has more than {} bytes", longest_url));
    const std::string lower = lower_case(text.substr(0, 8));
    if (lower.substr(0, 7) == "http://") return parse_http(text.substr(7));
    if (lower.substr(0, 5) == "unix:") return parse_unix(text.substr(5));
    if (lower == "https://")
        return instead("only http:// and unix: are supported",
                       fmt::format("http://{}", text.substr(8)));
    if (text.substr(0, 1) == "/")
        return instead("the scheme is missing", fmt::format("unix:{}", text));
    if (text.find("://") == npos && parse_http(text))
        return instead("the scheme is missing", fmt::format("http://{}", text));
    return reason("the scheme is neither http:// nor unix:");
}

std::string check_path(std::string_view path, bool allow_query) {
    if (path.empty() || path.front() != '/') return "a path must start with \"/\"";
    if (path.size() > longest_url) return fmt::format("it has more than {} bytes", longest_url);
    bool query = false;
    for (std::size_t at = 0; at < path.size(); ++at) {
        const char byte = path[at];
        if (alphanumeric(byte) || one_of(byte, "/-._~!$&'()*+,;=:@")) continue;
        query = query || (allow_query && byte == '?');
        if (query && byte == '?') continue;
        const bool escape = byte == '%' && at + 2 < path.size() && hexadecimal(path[at + 1]) &&
                            hexadecimal(path[at + 2]);
        if (escape) continue;
        if (byte == '%') return "\"%\" must be followed by two hexadecimal digits";
        if ((byte & 0x80) != 0) return "a path must be ASCII (%XX for other characters)";
        return quoted({&byte, 1}) + " is not allowed in a path";
    }
    return "";
}

std::string with_scheme(const std::string& server) {
    if (server.find("://") != std::string::npos || server.starts_with("unix:")) return server;
    if (!server.empty() && server.find_first_not_of("0123456789") == std::string::npos)
        return "http://localhost:" + server;
    if (server.starts_with(':')) return "http://localhost" + server;
    return "http://" + server;
}

}  // namespace otto
