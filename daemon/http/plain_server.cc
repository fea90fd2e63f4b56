#include "http/plain_server.h"

#include <algorithm>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/keyvalq_struct.h>
#include <fmt/format.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/time.h"

namespace otto::http {

namespace {

constexpr long largest_head = 16 * 1024;
constexpr long largest_body = 1024 * 1024;
/// For a request to come in, for its reply to go out, and between requests.
constexpr Duration patience = std::chrono::seconds(20);

constexpr std::pair<evhttp_cmd_type, std::string_view> methods[] = {
    {EVHTTP_REQ_GET, "GET"},     {EVHTTP_REQ_HEAD, "HEAD"},      {EVHTTP_REQ_POST, "POST"},
    {EVHTTP_REQ_PUT, "PUT"},     {EVHTTP_REQ_PATCH, "PATCH"},    {EVHTTP_REQ_DELETE, "DELETE"},
    {EVHTTP_REQ_TRACE, "TRACE"}, {EVHTTP_REQ_OPTIONS, "OPTIONS"}};

bool same_name(std::string_view left, std::string_view right) {
    return left.size() == right.size() && strncasecmp(left.data(), right.data(), left.size()) == 0;
}

using GetName = int (*)(int, sockaddr*, socklen_t*);

Address address(GetName get, int fd) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    get(fd, reinterpret_cast<sockaddr*>(&storage), &length);
    return {reinterpret_cast<const sockaddr*>(&storage), length};
}

std::string user_of(int fd) {
    ucred user{};
    socklen_t length = sizeof user;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &length) != 0) return "unix";
    // In a user namespace (PrivateUsers=) most users have no number of their own.
    constexpr uid_t overflow = 65534;
    if (user.uid == overflow) return fmt::format("process {}", user.pid);
    return fmt::format("process {} of user {}", user.pid, user.uid);
}

PlainRequest take(evhttp_request* from) {
    PlainRequest request;
    for (const auto& [command, name] : methods)
        if (evhttp_request_get_command(from) == command) request.method = name;
    const std::string_view target = evhttp_request_get_uri(from);
    const auto question = std::min(target.find('?'), target.size());
    request.path = target.substr(0, question);
    request.query = target.substr(std::min(question + 1, target.size()));
    const evkeyvalq* fields = evhttp_request_get_input_headers(from);
    for (const evkeyval* field = fields->tqh_first; field != nullptr; field = field->next.tqe_next)
        request.fields.emplace_back(field->key, field->value);
    evbuffer* body = evhttp_request_get_input_buffer(from);
    request.body.resize(evbuffer_get_length(body));
    evbuffer_remove(body, request.body.data(), request.body.size());
    const int fd =
        bufferevent_getfd(evhttp_connection_get_bufferevent(evhttp_request_get_connection(from)));
    request.local = address(::getsockname, fd).family() == AF_UNIX;
    request.peer = request.local ? user_of(fd) : address(::getpeername, fd).text();
    return request;
}

int digit(char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    const char lower = static_cast<char>(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

const std::string* PlainRequest::field(std::string_view name) const {
    for (const auto& field : fields)
        if (same_name(field.first, name)) return &field.second;
    return nullptr;
}

std::size_t PlainRequest::count(std::string_view name) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        fields, [name](const auto& field) { return same_name(field.first, name); }));
}

Result<std::unique_ptr<PlainServer>> PlainServer::open(const Loop& loop, Handler handler) {
    evhttp* http = evhttp_new(loop.base());
    if (http == nullptr) return Error{"cannot make an HTTP server"};
    return std::unique_ptr<PlainServer>(new PlainServer(http, std::move(handler)));
}

PlainServer::PlainServer(evhttp* http, Handler handler)
    : handler_(std::move(handler)), http_(http) {
    evhttp_set_max_headers_size(http, largest_head);
    evhttp_set_max_body_size(http, largest_body);
    const timeval time = to_timeval(patience);
    evhttp_set_timeout_tv(http, &time);
    evhttp_set_default_content_type(http, nullptr);
    unsigned allowed = 0;
    for (const auto& method : methods) allowed |= static_cast<unsigned>(method.first);
    evhttp_set_allowed_methods(http, static_cast<ev_uint16_t>(allowed));
    evhttp_set_gencb(http, dispatch, this);
}

Status PlainServer::listen(UniqueFd socket) {
    if (evhttp_accept_socket(http_.get(), socket.get()) != 0)
        return Error::from_errno("cannot accept connections of the admin API");
    socket.release();
    return {};
}

void PlainServer::dispatch(evhttp_request* request, void* self) {
    auto& server = *static_cast<PlainServer*>(self);
    const std::uint64_t ticket = ++server.last_ticket_;
    server.open_.emplace(ticket, request);
    server.handler_(take(request), ticket);
}

void PlainServer::reply(std::uint64_t ticket, const PlainReply& reply) {
    const auto found = open_.find(ticket);
    if (found == open_.end()) return;
    evhttp_request* request = found->second;
    open_.erase(found);
    evkeyvalq* fields = evhttp_request_get_output_headers(request);
    if (!reply.body.empty()) evhttp_add_header(fields, "Content-Type", reply.type.c_str());
    evhttp_add_header(fields, "Cache-Control", "no-store");
    evhttp_add_header(fields, "X-Content-Type-Options", "nosniff");
    for (const auto& field : reply.fields)
        evhttp_add_header(fields, field.first.c_str(), field.second.c_str());
    evbuffer* body = evhttp_request_get_output_buffer(request);
    evbuffer_add(body, reply.body.data(), reply.body.size());
    evhttp_send_reply(request, static_cast<int>(reply.status), nullptr, nullptr);
}

std::string PlainServer::decode(std::string_view text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool escape = text[at] == '%' && at + 2 < text.size() && digit(text[at + 1]) >= 0 &&
                            digit(text[at + 2]) >= 0;
        plain +=
            escape ? static_cast<char>(digit(text[at + 1]) * 16 + digit(text[at + 2])) : text[at];
        if (escape) at += 2;
    }
    return plain;
}

std::string PlainServer::parameter(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        const auto equals = std::min(pair.find('='), pair.size());
        if (decode(pair.substr(0, equals)) == name)
            return decode(pair.substr(std::min(equals + 1, pair.size())));
    }
    return "";
}

}  // namespace otto::http
