#include "proxy/upstream_pool.h"

#include <algorithm>
#include <utility>

namespace otto {

namespace {

/// Idle connections kept to one server by one worker.
constexpr std::size_t max_idle = 512;
/// A connection that was idle for longer is looked at before it is used: its server may have closed
/// it, or said goodbye (408), in this very turn of the loop. Under load none is idle for so long.
constexpr Duration trust_time = std::chrono::milliseconds(10);
/// Connections that are closed in one turn of the loop.
constexpr std::size_t max_closed = 32;

}  // namespace

/// An event of the turn in which the connection came here may be about bytes that were read since.
void UpstreamPool::Stack::on_upstream(UpstreamConnection& connection, bool readable, bool) {
    if (!readable || connection.untouched()) return;
    const auto found = std::ranges::find_if(
        idle, [&connection](const Idle& each) { return each.connection.get() == &connection; });
    if (found == idle.end()) return;
    const TimePoint time = coarse_now();
    connection.slot().of()->note_closed_idle(time - found->since, time);
    idle.erase(found);
}

UpstreamPool::UpstreamPool(const Loop& loop)
    : loop_(loop), timer_(loop, [this] { expire(); }), let_go_(loop, [this] { let_go(); }) {}

UpstreamPool::~UpstreamPool() = default;

std::unique_ptr<UpstreamConnection> UpstreamPool::take(const Server& server, bool repeatable) {
    const auto found = stacks_.find(server.id);
    if (found == stacks_.end()) return nullptr;
    auto& idle = found->second.idle;
    while (!idle.empty()) {
        const TimePoint time = coarse_now();
        auto at = std::prev(idle.end());
        if (!repeatable && !server.connections->stays_open(time - at->since, time)) {
            at = idle.begin();  // the one that has been idle for longest has proved most
            if (!server.connections->stays_open(time - at->since, time)) return nullptr;
        }
        const Duration age = time - at->since;
        auto connection = std::move(at->connection);
        idle.erase(at);
        const bool trusted = age < trust_time && !server.connections->closes_idle(time);
        if (trusted || connection->untouched()) return connection;
        server.connections->note_closed_idle(age, time);
    }
    return nullptr;
}

void UpstreamPool::put(const Server& server, std::unique_ptr<UpstreamConnection> connection) {
    if (server.connections->wanted()) return;
    Stack& stack = stacks_[server.id];
    if (stack.idle.size() >= max_idle) return;
    connection->mark_reused();
    connection->rest();
    connection->observe(&stack);
    const TimePoint since = coarse_now();
    const TimePoint until = since + server_idle_;
    stack.idle.push_back({std::move(connection), since, until});
    if (!timer_.pending()) timer_.set(until);
}

template <typename Which>
void UpstreamPool::leave_elsewhere(Which which) {
    for (IdleConnection* each : elsewhere_) {
        if (!which(each->server_id())) continue;
        if (auto connection = each->give_up()) leaving_.push_back(std::move(connection));
    }
    if (!leaving_.empty()) let_go_.schedule();
}

void UpstreamPool::drop(const Server& server) {
    leave_elsewhere([&server](std::uint64_t id) { return id == server.id; });
    const auto found = stacks_.find(server.id);
    if (found == stacks_.end()) return;
    leave(found->second.idle);
    stacks_.erase(found);
}

void UpstreamPool::keep_only(std::span<const std::uint64_t> servers) {
    leave_elsewhere(
        [servers](std::uint64_t id) { return !std::ranges::binary_search(servers, id); });
    for (auto next = stacks_.begin(); next != stacks_.end();) {
        const auto each = next++;
        if (std::ranges::binary_search(servers, each->first)) continue;
        leave(each->second.idle);
        stacks_.erase(each);
    }
}

void UpstreamPool::remove(IdleConnection& connection) {
    const auto found = std::ranges::find(elsewhere_, &connection);
    if (found == elsewhere_.end()) return;
    *found = elsewhere_.back();
    elsewhere_.pop_back();
}

void UpstreamPool::close_idle(std::uint64_t server) {
    leave_elsewhere([server](std::uint64_t id) { return id == server; });
    const auto found = stacks_.find(server);
    if (found == stacks_.end() || found->second.idle.empty()) return;
    auto& idle = found->second.idle;
    const ServerConnections& connections = *idle.front().connection->slot().of();
    if (!connections.wanted()) return;
    const std::size_t closed =
        connections.limited() ? 1 : std::min<std::size_t>(idle.size(), max_closed);
    idle.erase(idle.begin(), idle.begin() + static_cast<std::ptrdiff_t>(closed));
}

void UpstreamPool::forget(PlaceWaiter& waiter) {
    std::erase(waiters_, &waiter);
}

void UpstreamPool::place_freed() {
    // One that is served may end others, or begin to wait again.
    const std::vector<PlaceWaiter*> waiters = waiters_;
    for (PlaceWaiter* waiter : waiters) {
        const auto waits = [&] { return std::ranges::find(waiters_, waiter) != waiters_.end(); };
        if (waits() && waiter->on_place_freed()) std::erase(waiters_, waiter);
    }
}

/// Nothing takes them any more.
void UpstreamPool::leave(std::span<Idle> idle) {
    for (Idle& each : idle) {
        each.connection->observe(nullptr);
        leaving_.push_back(std::move(each.connection));
    }
    if (!leaving_.empty()) let_go_.schedule();
}

void UpstreamPool::let_go() {
    leaving_.resize(leaving_.size() - std::min(leaving_.size(), max_closed));
    if (!leaving_.empty()) let_go_.schedule();
}

void UpstreamPool::clear() {
    leave_elsewhere([](std::uint64_t) { return true; });
    for (auto& [server, stack] : stacks_) leave(stack.idle);
    stacks_.clear();
}

/// The bottom of each stack has been idle for longest.
void UpstreamPool::expire() {
    const TimePoint time = coarse_now();
    TimePoint next = TimePoint::max();
    for (auto& [server, stack] : stacks_) {
        auto& idle = stack.idle;
        const auto alive = std::find_if(idle.begin(), idle.end(),
                                        [time](const Idle& each) { return each.until > time; });
        leave({idle.begin(), alive});
        idle.erase(idle.begin(), alive);
        if (!idle.empty()) next = std::min(next, idle.front().until);
    }
    std::erase_if(stacks_, [](const auto& each) { return each.second.idle.empty(); });
    if (next != TimePoint::max()) timer_.set(next);
}

}  // namespace otto
