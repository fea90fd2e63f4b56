#include "admin/access.h"

#include <algorithm>

#include <fmt/format.h>
#include <strings.h>

#include "admin/problem.h"
#include "log/journal.h"
#include "sd/state.h"
#include "tls/hmac.h"

namespace otto::admin {

namespace {

constexpr std::string_view file_name = "admin-token";
constexpr std::size_t token_length = 2 * sizeof(tls::Secret);

bool is_token(std::string_view text) {
    return text.size() == token_length &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool has_token(const PlainRequest& request, const std::string& token) {
    constexpr std::string_view scheme = "Bearer ";
    const std::string* field = request.field("Authorization");
    if (field == nullptr || request.count("Authorization") != 1) return false;
    const bool bearer = field->size() > scheme.size() &&
                        strncasecmp(field->c_str(), scheme.data(), scheme.size()) == 0;
    return bearer && tls::equal_secrets(std::string_view(*field).substr(scheme.size()), token);
}

}  // namespace

Token::Token(std::optional<std::string> directory) : directory_(std::move(directory)) {}

Result<std::string> Token::get() {
    if (!value_.empty()) return value_;
    if (directory_) {
        const auto kept = load_state(*directory_, file_name);
        if (kept && is_token(std::string_view(*kept).substr(0, kept->find('\n')))) {
            value_ = kept->substr(0, kept->find('\n'));
            return value_;
        }
    }
    const auto secret = tls::make_secret();
    if (!secret) return secret.error();
    std::string token;
    for (const std::uint8_t byte : *secret) token += fmt::format("{:02x}", byte);
    if (directory_) {
        const Status saved = save_state(*directory_, file_name, token + "\n");
        if (!saved) return saved.error();
    }
    value_ = token;
    return value_;
}

std::string Token::file() const {
    return directory_ ? fmt::format("{}/{}", *directory_, file_name) : std::string();
}

std::string Token::whereabouts() const {
    if (directory_)
        return fmt::format(
            "`ottoctl token` prints the token over the UNIX socket; root can also "
            "read it from {}.",
            file());
    return "`ottoctl token` prints the token, over a UNIX socket only, because Otto has no state "
           "directory to keep it in. Without systemd, add \"unix:/PATH\" to admin.port.";
}

bool is_own_host(std::string_view host) {
    const auto bracket = host.find(']');
    const auto colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
    const std::string_view name = host.substr(0, colon);
    const std::string_view port =
        colon == std::string_view::npos ? std::string_view() : host.substr(colon + 1);
    if (port.find_first_not_of("0123456789") != std::string_view::npos) return false;
    constexpr std::string_view local = "localhost";
    return name == "127.0.0.1" || name == "[::1]" ||
           (name.size() == local.size() &&
            strncasecmp(name.data(), local.data(), local.size()) == 0);
}

std::optional<PlainReply> refuse_stranger(const PlainRequest& request, Token& token) {
    if (request.local) return std::nullopt;
    const std::string* host = request.field("Host");
    if (host == nullptr || request.count("Host") != 1 || !is_own_host(*host))
        return problem(403,
                       "The Host field is not localhost, 127.0.0.1 or [::1]: this address is only "
                       "for programs on this host.");
    const std::string* origin = request.field("Origin");
    if (origin != nullptr && (request.count("Origin") != 1 || *origin != "http://" + *host))
        return problem(403, "The request comes from a web page of another origin.");
    if (request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS")
        return std::nullopt;
    const auto expected = token.get();
    if (!expected) return problem(500, expected.error().message);
    if (has_token(request, *expected)) return std::nullopt;
    PlainReply refusal = problem(
        401, "A change over TCP requires \"Authorization: Bearer TOKEN\": " + token.whereabouts());
    refusal.fields.emplace_back("WWW-Authenticate", "Bearer realm=\"otto\"");
    return refusal;
}

}  // namespace otto::admin
