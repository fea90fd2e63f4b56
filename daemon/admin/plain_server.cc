#include "admin/plain_server.h"

#include <algorithm>
#include <numeric>

#include <sys/resource.h>
#include <sys/socket.h>

namespace otto::admin {

namespace {

constexpr std::uint64_t most_connections = 512;
constexpr std::uint64_t least_connections = 16;
constexpr std::size_t most_streams = 256;
constexpr std::size_t most_streams_over_tcp = 192;
/// Of shared bodies that the clients of one side have not read. One alone may be larger.
constexpr std::size_t most_unread = 32 * 1024 * 1024;
constexpr std::size_t least_noted = 16 * 1024;
/// What the kernel takes of a reply before its client reads; it doubles that for its own use.
constexpr int send_buffer = 64 * 1024;

/// The limits of the listeners of the admin API, whatever the configuration says for traffic.
Config limits() {
    Config config;
    config.timeouts.client_idle = std::chrono::seconds(20);
    config.timeouts.request_header = std::chrono::seconds(10);
    config.timeouts.progress = std::chrono::seconds(20);
    config.timeouts.minimum_rate = 0;
    config.limits.header_bytes = 16 * 1024;
    config.limits.target_bytes = 8 * 1024;
    return config;
}

std::uint64_t connection_limit() {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
        return most_connections;
    return std::clamp<std::uint64_t>(files.rlim_cur / 16, least_connections, most_connections);
}

bool is_unix(int fd) {
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length);
    return name.ss_family == AF_UNIX;
}

}  // namespace

Result<std::unique_ptr<PlainServer>> PlainServer::open(const Loop& loop, Callbacks callbacks) {
    std::unique_ptr<PlainServer> server(new PlainServer(loop, std::move(callbacks)));
    for (const bool local : {true, false}) {
        const Status opened = server->open_side(local);
        if (!opened) return opened.error();
    }
    return server;
}

PlainServer::PlainServer(const Loop& loop, Callbacks callbacks)
    : loop_(loop),
      callbacks_(std::move(callbacks)),
      sweep_(loop, [this] { over_.clear(); }),
      stretches_(loop) {}

Status PlainServer::open_side(bool local) {
    Side& side = this->side(local);
    side.share.set_limit(connection_limit());
    auto listener = accept::Listener::open(
        loop_,
        {.on_request = [this,
                        local](http::ClientStream& client) { request_arrived(client, local); },
         .on_connections = [](std::uint64_t) {},
         .on_accept_paused = [this](const char* reason, int) { callbacks_.on_paused(reason); },
         .on_accept_resumed = [] {},
         .on_bad_proxy_header = [](const Address&, const char*) {},
         .on_full = [this, local] { return make_room(local); },
         .on_evicted =
             [this](accept::Waiting) {
                 if (callbacks_.on_evicted) callbacks_.on_evicted();
             }},
        side.share, 0);
    if (!listener) return listener.error();
    side.listener = std::move(*listener);
    side.listener->configure(limits());
    return {};
}

/// The exchanges are notified that their clients are gone, and must not call back any more.
PlainServer::~PlainServer() {
    callbacks_.on_gone = [](std::uint64_t) {};
    local_.listener.reset();
    tcp_.listener.reset();
}

Status PlainServer::listen(UniqueFd socket) {
    const bool local = is_unix(socket.get());
    // Accepted connections inherit it, but for those of UNIX sockets, whose buffers are small.
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    return side(local).listener->listen(std::move(socket));
}

void PlainServer::request_arrived(http::ClientStream& client, bool local) {
    const std::uint64_t ticket = ++last_ticket_;
    open_.emplace(ticket, std::make_unique<PlainExchange>(loop_, *this, client, local, ticket));
    arrived_.push_back(ticket);
    if (arrived_.size() == 1) stretches_.add([this] { return begin_next(); });
}

/// False: there is none.
bool PlainServer::begin_next() {
    if (arrived_.empty()) return false;
    PlainExchange* exchange = find(arrived_.front());
    arrived_.pop_front();
    if (exchange != nullptr) exchange->begin();
    return !arrived_.empty();
}

/// From within a new connection's arrival, when no connection merely waits for its client.
bool PlainServer::make_room(bool local) {
    if (side(local).listener->close_oldest_unread()) return true;
    for (const auto& each : open_) {
        PlainExchange& exchange = *each.second;
        if (exchange.local() != local || exchange.phase() != PlainExchange::Phase::reading)
            continue;
        exchange.abandon();
        over(exchange);
        if (callbacks_.on_evicted) callbacks_.on_evicted();
        return true;
    }
    return false;
}

PlainExchange* PlainServer::find(std::uint64_t ticket) const {
    const auto found = open_.find(ticket);
    return found == open_.end() ? nullptr : found->second.get();
}

void PlainServer::gone(PlainExchange& exchange) {
    const std::uint64_t ticket = exchange.ticket();
    const bool known = exchange.known();
    over(exchange);
    if (known) callbacks_.on_gone(ticket);
}

void PlainServer::over(PlainExchange& exchange) {
    const auto found = open_.find(exchange.ticket());
    if (found == open_.end()) return;
    over_.push_back(std::move(found->second));
    open_.erase(found);
    sweep_.schedule();
}

void PlainServer::reply(std::uint64_t ticket, const PlainReply& reply) {
    PlainExchange* exchange = find(ticket);
    if (exchange == nullptr) return;
    side(exchange->local()).note(reply.shared);
    exchange->answer(reply);
}

void PlainServer::make_room_for(std::uint64_t ticket, std::size_t size) {
    const PlainExchange* exchange = find(ticket);
    if (exchange == nullptr) return;
    Side& side = this->side(exchange->local());
    while (true) {
        const std::size_t unread = side.unread();
        if (unread == 0 || unread + size <= most_unread) return;
        if (!side.listener->close_oldest_unread()) return;
    }
}

/// Each body once, however many replies share it. Small ones do not count: those of one client are
/// bounded otherwise.
void PlainServer::Side::note(const http::SharedText& body) {
    if (!body.owner || body.text.size() < least_noted) return;
    const auto same = [&body](const Body& each) {
        return !each.owner.owner_before(body.owner) && !body.owner.owner_before(each.owner);
    };
    if (std::ranges::any_of(bodies, same)) return;
    unread();  // forgets those that are gone
    bodies.push_back({body.owner, body.text.size()});
}

std::size_t PlainServer::Side::unread() {
    std::erase_if(bodies, [](const Body& body) { return body.owner.expired(); });
    return std::accumulate(bodies.begin(), bodies.end(), std::size_t{0},
                           [](std::size_t sum, const Body& body) { return sum + body.size; });
}

bool PlainServer::may_hold(bool local) const {
    const auto held = static_cast<std::size_t>(std::ranges::count_if(open_, [local](auto& each) {
        return each.second->local() == local && each.second->known();
    }));
    return held <= connection_limit() * 3 / 4;
}

bool PlainServer::may_stream(std::uint64_t ticket) const {
    const PlainExchange* exchange = find(ticket);
    if (exchange == nullptr) return false;
    const bool local = exchange->local();
    std::size_t of_side = 0;
    std::size_t all = 0;
    for (const auto& each : open_) {
        if (each.second->phase() != PlainExchange::Phase::streaming) continue;
        ++all;
        if (each.second->local() == local) ++of_side;
    }
    return may_hold(local) && all < most_streams && (local || of_side < most_streams_over_tcp);
}

bool PlainServer::begin_stream(std::uint64_t ticket, const PlainReply& reply) {
    PlainExchange* exchange = find(ticket);
    if (exchange == nullptr) return false;
    exchange->start_stream(reply);
    return exchange->phase() == PlainExchange::Phase::streaming;
}

bool PlainServer::push(std::uint64_t ticket, const http::SharedText& text) {
    PlainExchange* exchange = find(ticket);
    if (exchange == nullptr) return false;
    side(exchange->local()).note(text);
    return exchange->push(text);
}

void PlainServer::end_stream(std::uint64_t ticket) {
    if (PlainExchange* exchange = find(ticket)) exchange->end_stream();
}

}  // namespace otto::admin
