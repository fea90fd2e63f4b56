#include "accept/connection_table.h"

#include <random>
#include <utility>

namespace otto::accept {

namespace {

/// Connections with unread bytes that are passed over before the search for one to close ends.
constexpr int most_passed_over = 16;
/// What another worker closes at most when it is asked.
constexpr int most_evicted_for_others = 64;

std::uint64_t random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

}  // namespace

ConnectionTable::ConnectionTable(ArrivalContext& context, ConnectionShare& share, unsigned worker,
                                 ConnectionTableObserver& observer)
    : context_(context),
      share_(share),
      worker_(worker),
      observer_(observer),
      order_(random_seed()) {}

// ---- coming and going --------------------------------------------------------------------------

void ConnectionTable::expect() {
    ++open_;
    publish();
}

void ConnectionTable::add(Accepted accepted) {
    auto arrival = std::make_unique<Arrival>(*this, context_, std::move(accepted));
    arrival->next_ = first_;
    if (first_ != nullptr) first_->previous_ = arrival.get();
    first_ = arrival.release();
    unstarted_.push_back(first_);
    waits(*first_, Waiting::first_byte);
}

void ConnectionTable::vanished() {
    one_less();
}

void ConnectionTable::start_next() {
    Arrival& next = *unstarted_.front();
    unstarted_.erase(unstarted_.begin());
    next.start();
}

void ConnectionTable::closed(Arrival& arrival) {
    std::erase(unstarted_, &arrival);
    if (arrival.next_ != nullptr) arrival.next_->previous_ = arrival.previous_;
    (arrival.previous_ != nullptr ? arrival.previous_->next_ : first_) = arrival.next_;
    arrival.next_ = arrival.previous_ = nullptr;
    order_.remove(arrival);
    forget_client(arrival);
    ended_.emplace_back(&arrival);
    one_less();
}

void ConnectionTable::one_less() {
    --open_;
    publish();
    observer_.on_ended();
    if (open_ == 0 && on_empty_) std::exchange(on_empty_, nullptr)();
}

void ConnectionTable::publish() {
    share_.publish_open(worker_, open_);
    share_.publish_order(worker_, order_.rank(), order_.size());
}

void ConnectionTable::drain(std::function<void()> on_empty) {
    on_empty_ = std::move(on_empty);
    while (!unstarted_.empty()) start_next();
    for (Arrival* each = first_; each != nullptr;) {
        Arrival* next = each->next_;
        if (each->unused()) each->end_unused();
        each = next;
    }
    if (open_ == 0 && on_empty_) std::exchange(on_empty_, nullptr)();
}

void ConnectionTable::end_all() {
    while (first_ != nullptr) first_->end();
}

// ---- room for others ---------------------------------------------------------------------------

void ConnectionTable::waits(Arrival& arrival, Waiting waiting) {
    if (waiting == Waiting::none) {
        order_.remove(arrival);
    } else {
        order_.put(arrival, waiting, coarse_now(), arrival.client());
    }
    share_.publish_order(worker_, order_.rank(), order_.size());
    if (room_watched_) observer_.on_room(waiting != Waiting::none);
}

ConnectionTable::Room ConnectionTable::make_room(ConnectionShare::Want want) {
    const std::size_t worker = share_.evicting(worker_);
    if (worker == share_.workers()) return Room::none;
    if (worker == worker_) return evict_one() ? Room::made : Room::none;
    share_.ask(worker, want);
    return Room::asked;
}

void ConnectionTable::make_room_for_others() {
    const unsigned wanted = share_.answered(worker_);
    if ((wanted & ConnectionShare::descriptor) != 0) make_room(ConnectionShare::descriptor);
    if (share_.full()) {
        close_idle(most_evicted_for_others);
    } else {
        get_below_limit(most_evicted_for_others);
    }
}

/// A connection whose bytes are there already leaves the order, until they have been read.
bool ConnectionTable::evict_one() {
    for (int left = most_passed_over; left > 0; --left) {
        EvictionOrder::Entry* next = order_.next();
        if (next == nullptr) return false;
        auto& arrival = static_cast<Arrival&>(*next);
        if (!arrival.has_unread()) {
            evict(arrival);
            return true;
        }
        waits(arrival, Waiting::none);
    }
    return false;
}

void ConnectionTable::close_idle(int most) {
    const std::uint64_t limit = share_.limit();
    for (int left = most; left > 0 && limit != 0 && share_.total() > limit; --left) {
        EvictionOrder::Entry* next = order_.first(Waiting::rest);
        if (next == nullptr) next = order_.first(Waiting::next);
        if (next == nullptr) return;
        auto& arrival = static_cast<Arrival&>(*next);
        if (arrival.has_unread()) {
            waits(arrival, Waiting::none);
        } else {
            evict(arrival);
        }
    }
}

/// Closes the descriptor at once, because the caller may need one.
void ConnectionTable::evict(Arrival& arrival) {
    observer_.on_evicted(arrival.waiting());
    arrival.end();
    arrival.close_now();
}

bool ConnectionTable::close_oldest_unread() {
    EvictionOrder::Entry* oldest = order_.first(Waiting::client);
    if (oldest == nullptr) return false;
    evict(static_cast<Arrival&>(*oldest));
    return true;
}

ConnectionTable::Room ConnectionTable::get_below_limit(int most) {
    const std::uint64_t limit = share_.limit();
    Room room = Room::made;
    for (int left = most; left > 0 && room == Room::made && limit != 0 && share_.total() > limit;
         --left)
        room = make_room(ConnectionShare::below_limit);
    return room;
}

// ---- the connections of one client -------------------------------------------------------------

void ConnectionTable::set_limit_per_client(unsigned limit) {
    limit_per_client_ = limit;
    if (limit == 0) return;
    for (Arrival* each = first_; each != nullptr; each = each->next_) count_client(*each);
}

/// How many the client has now; 0 when the connection does not count, or was counted before.
std::uint32_t ConnectionTable::count_client(Arrival& arrival) {
    if (arrival.counted_ || !arrival.peer().is_ip() || context_.is_trusted(arrival.peer()))
        return 0;
    arrival.counted_ = true;
    return share_.clients.add(arrival.client());
}

void ConnectionTable::forget_client(Arrival& arrival) {
    if (std::exchange(arrival.counted_, false)) share_.clients.remove(arrival.client());
}

bool ConnectionTable::admit(Arrival& arrival) {
    if (limit_per_client_ == 0) return true;
    if (count_client(arrival) <= limit_per_client_) return true;
    share_.clients.note_refused(arrival.peer().ip());
    observer_.on_refused();
    return false;
}

}  // namespace otto::accept
