#include "proxy/guards.h"

#include <array>

#include "http/forwarding.h"

namespace otto {

namespace {

using Reply = std::optional<GuardReply>;

constexpr const char* allowed_methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

Reply malformed(const http::ClientStream& client, RequestBody::State) {
    const http::Refusal& refusal = client.refusal();
    if (!refusal) return std::nullopt;
    return GuardReply{.status = refusal.status, .reason = refusal.reason};
}

/// CONNECT would make a tunnel to anywhere, TRACE shows what proxies have added.
Reply of_forbidden_method(const http::ClientStream& client, RequestBody::State) {
    const http::Method method = client.request().method;
    if (method != http::Method::connect && method != http::Method::trace) return std::nullopt;
    return GuardReply{.status = 405, .fields = {{"Allow", allowed_methods}}};
}

/// OPTIONS that goes no further (RFC 9110 §7.6.2).
Reply options(const http::ClientStream& client, RequestBody::State) {
    const http::RequestHead& request = client.request();
    if (request.method != http::Method::options) return std::nullopt;
    const bool limited = request.find(http::FieldId::max_forwards) != nullptr;
    const auto left = http::max_forwards(request);
    if (limited && !left)
        return GuardReply{.status = 400, .reason = "Max-Forwards is not a number"};
    if (request.path != "*" && !(limited && *left == 0)) return std::nullopt;
    return GuardReply{
        .own = observe::OwnReply::options, .status = 204, .fields = {{"Allow", allowed_methods}}};
}

Reply too_large(const http::ClientStream&, RequestBody::State body) {
    if (body != RequestBody::State::too_large) return std::nullopt;
    return GuardReply{.status = 413, .reason = "the body exceeds limits.bodyBytes"};
}

constexpr std::array guards{malformed, of_forbidden_method, options, too_large};

}  // namespace

std::optional<GuardReply> guard(const http::ClientStream& client, RequestBody::State body) {
    for (const auto& each : guards)
        if (auto reply = each(client, body)) return reply;
    return std::nullopt;
}

}  // namespace otto
