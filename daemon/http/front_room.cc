// How the front keeps within the limits on connections: of all clients, and of one.

#include <algorithm>
#include <utility>

#include "balance/affinity.h"
#include "http/client_connection.h"
#include "http/front.h"

namespace otto::http {

namespace {

/// Connections with unread bytes that are passed over before the search for one to close ends.
constexpr int most_passed_over = 16;
/// What one new connection closes at most, so that workers that were over the limit get below it.
constexpr int most_evicted = 2;
/// What another worker closes at most when it is asked.
constexpr int most_evicted_for_others = 64;
/// How far beyond the limit the connections may be while another worker is asked to close some.
constexpr std::uint64_t most_over = 64;

}  // namespace

/// A connection starts to wait for its client, or stops. When the last one that could be closed
/// stops, no other may come: it would be too many, and nothing but itself could be closed for it.
void Front::waits(ClientConnection& connection, Waiting waiting) {
    if (waiting == Waiting::none) {
        order_.remove(connection);
    } else {
        order_.put(connection, waiting, coarse_now(), connection.client_);
        if (std::exchange(full_, false)) accept_again_.set_after({});
    }
    share_.publish_order(worker_, order_.rank(), order_.size());
    if (at_limit_ && !full_ && !draining_ && !callbacks_.on_full && share_.full()) rest_full();
}

Front::Room Front::make_room(ConnectionShare::Want want) {
    const std::size_t worker = share_.evicting(worker_);
    if (worker == share_.workers()) return Room::none;
    if (worker == worker_) return evict_one() ? Room::made : Room::none;
    share_.ask(worker, want);
    return Room::asked;
}

void Front::make_room_for_others() {
    const unsigned wanted = share_.answered(worker_);
    if ((wanted & ConnectionShare::descriptor) != 0) make_room(ConnectionShare::descriptor);
    get_below_limit(most_evicted_for_others);
}

/// A connection whose bytes are there already leaves the order, until they have been read.
bool Front::evict_one() {
    for (int left = most_passed_over; left > 0; --left) {
        EvictionOrder::Entry* next = order_.next();
        if (next == nullptr) return false;
        auto& connection = static_cast<ClientConnection&>(*next);
        if (!connection.stream_.has_unread()) {
            evict(connection);
            return true;
        }
        waits(connection, Waiting::none);
    }
    return false;
}

/// Closes the descriptor at once, because the caller may need one.
void Front::evict(ClientConnection& connection) {
    if (callbacks_.on_evicted) callbacks_.on_evicted(connection.waiting());
    connection.lost();
    connection.stream_.close_now();
}

bool Front::close_oldest_unread() {
    EvictionOrder::Entry* oldest = order_.first(Waiting::client);
    if (oldest == nullptr) return false;
    evict(static_cast<ClientConnection&>(*oldest));
    return true;
}

/// Closes up to `most` connections that are too many. What became of the last.
Front::Room Front::get_below_limit(int most) {
    const std::uint64_t limit = share_.limit();
    Room room = Room::made;
    for (int left = most; left > 0 && room == Room::made && limit != 0 && share_.total() > limit;
         --left)
        room = make_room(ConnectionShare::below_limit);
    return room;
}

/// Closes none by itself: only a new connection is a reason to close another.
bool Front::may_accept() {
    return !share_.full() || (callbacks_.on_full && callbacks_.on_full());
}

/// A new connection has come: gets below the limit, if possible. False when no further one may
/// come.
bool Front::has_room() {
    const std::uint64_t limit = share_.limit();
    at_limit_ = limit != 0 && share_.total() >= limit;
    if (!at_limit_) return true;
    const Room room = get_below_limit(most_evicted);
    if (room == Room::asked) return share_.total() <= limit + most_over;
    return may_accept();
}

// ---- the connections of one client -------------------------------------------------------------

bool Front::is_trusted(const Address& address) const {
    return std::ranges::any_of(trusted_proxies_,
                               [&address](const Cidr& each) { return each.contains(address); });
}

/// How many the client has now; 0 when the connection does not count, or was counted before.
std::uint32_t Front::count_client(ClientConnection& connection) {
    if (connection.counted_ || !connection.peer_.is_ip() || is_trusted(connection.peer_)) return 0;
    connection.counted_ = true;
    return share_.clients.add(connection.client_);
}

void Front::forget_client(ClientConnection& connection) {
    if (std::exchange(connection.counted_, false)) share_.clients.remove(connection.client_);
}

/// Counts a new connection for its client. False when that has too many.
bool Front::admit(ClientConnection& connection) {
    const std::uint32_t most = limits_.connections_per_client;
    if (most == 0) return true;
    if (count_client(connection) <= most) return true;
    share_.clients.note_refused(connection.peer_.ip());
    if (callbacks_.on_refused) callbacks_.on_refused();
    return false;
}

}  // namespace otto::http
