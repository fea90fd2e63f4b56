#include "balance/server_connections.h"

#include <algorithm>

namespace otto {

namespace {

/// So many answers in a row must show that the server serves more at once than was known. One alone
/// may be mistaken: the server may have closed another connection a moment ago.
constexpr unsigned enough_seen = 3;
/// What was seen of a server closing idle connections holds for so long.
constexpr Duration remembered = std::chrono::minutes(1);
/// Ages are taken by a clock with ticks, and the end of a connection takes a moment to arrive.
constexpr Duration least_until = std::chrono::milliseconds(10);

}  // namespace

std::size_t ConnectionCalls::add(Line line) {
    const std::lock_guard lock(mutex_);
    threads_.push_back({.line = std::move(line), .called = false});
    return threads_.size() - 1;
}

void ConnectionCalls::remove(std::size_t number) {
    const std::lock_guard lock(mutex_);
    threads_[number] = {};
}

void ConnectionCalls::close_idle(std::uint64_t server) {
    const std::lock_guard lock(mutex_);
    for (const Thread& thread : threads_)
        if (thread.line.close_idle) thread.line.close_idle(server);
}

void ConnectionCalls::freed() {
    const std::lock_guard lock(mutex_);
    for (Thread& thread : threads_)
        if (thread.line.freed && !std::exchange(thread.called, true)) thread.line.freed();
}

void ConnectionCalls::looks(std::size_t number) {
    const std::lock_guard lock(mutex_);
    threads_[number].called = false;
}

ServerConnections::Want::Want(std::shared_ptr<ServerConnections> of, What what)
    : of_(std::move(of)), what_(what) {
    if (what_ == What::place) {
        const std::lock_guard lock(of_->mutex_);
        of_->queue_.push_back(this);
    }
    of_->wanted_.fetch_add(1, std::memory_order_seq_cst);
}

ServerConnections::Want::~Want() {
    of_->wanted_.fetch_sub(1, std::memory_order_seq_cst);
    if (what_ == What::answer) return;
    bool others = false;
    {
        const std::lock_guard lock(of_->mutex_);
        std::erase(of_->queue_, this);
        others = !of_->queue_.empty();
    }
    // They have moved up.
    if (others && of_->calls() != nullptr) of_->calls()->freed();
}

bool ServerConnections::Answer::make_way(const std::shared_ptr<ServerConnections>& of,
                                         TimePoint now) {
    if (!of->crowded()) return false;
    closed_then_ = of->closed();
    since_ = now;
    want_.emplace(of, Want::What::answer);
    return true;
}

void ServerConnections::Answer::heard(const Slot& slot, TimePoint now) {
    ServerConnections& of = *slot.of();
    const bool others_closed = want_ && of.closed() != closed_then_;
    if (others_closed && now - since_ < suspicious) of.note_few();
    want_.reset();
    of.answered(slot);
}

/// Whether it is the turn of the one who asks, when so many places are free.
bool ServerConnections::may_open(const Want* want, std::uint32_t free) {
    if (want == nullptr && !wanted()) return true;
    const std::lock_guard lock(mutex_);
    if (want == nullptr) return queue_.empty();
    const auto ahead = std::ranges::find(queue_, want) - queue_.begin();
    return ahead < static_cast<std::ptrdiff_t>(free);
}

std::optional<ServerConnections::Slot> ServerConnections::open(
    const std::shared_ptr<ServerConnections>& of, const Want* want) {
    const std::uint32_t most = of->most();
    const std::uint64_t closed = of->closed();
    std::uint32_t before = of->open_.load(std::memory_order_seq_cst);
    do {
        if (most != 0 && (before >= most || !of->may_open(want, most - before)))
            return std::nullopt;
    } while (!of->open_.compare_exchange_weak(before, before + 1, std::memory_order_seq_cst));
    Slot slot;
    slot.of_ = of;
    slot.before_ = before;
    slot.closed_then_ = closed;
    return slot;
}

void ServerConnections::Slot::release() {
    const auto of = std::exchange(of_, nullptr);
    if (!of) return;
    of->closed_.fetch_add(1, std::memory_order_relaxed);
    of->open_.fetch_sub(1, std::memory_order_seq_cst);
    if (of->limited() && of->wanted() && of->calls() != nullptr) of->calls()->freed();
}

void ServerConnections::answered(const Slot& slot) {
    if (serves_many()) return;
    const std::uint64_t closed_since = closed() - slot.closed_then_;
    const std::uint64_t accepted =
        1 + (slot.before_ > closed_since ? slot.before_ - closed_since : 0);
    const std::lock_guard lock(mutex_);
    const std::uint32_t known = served();
    if (accepted <= known) {
        seen_ = 0;
        return;
    }
    const auto now_seen = static_cast<std::uint32_t>(std::min<std::uint64_t>(accepted, many));
    least_seen_ = seen_ == 0 ? now_seen : std::min(least_seen_, now_seen);
    if (known > 0 && ++seen_ < enough_seen) return;
    served_.store(known > 0 ? least_seen_ : 1, std::memory_order_relaxed);
    seen_ = 0;
}

void ServerConnections::forget() {
    const std::lock_guard lock(mutex_);
    served_.store(0, std::memory_order_relaxed);
    few_.store(false, std::memory_order_relaxed);
    never_continues_.store(false, std::memory_order_relaxed);
    closed_at_.store(0, std::memory_order_relaxed);
    seen_ = 0;
}

void ServerConnections::note_closed_idle(Duration age, TimePoint now) {
    const std::int64_t nanoseconds = age.count();
    const bool first = !closes_idle(now);
    if (first || nanoseconds < closes_from_.load(std::memory_order_relaxed))
        closes_from_.store(nanoseconds, std::memory_order_relaxed);
    if (first || nanoseconds > closes_until_.load(std::memory_order_relaxed))
        closes_until_.store(nanoseconds, std::memory_order_relaxed);
    closed_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

bool ServerConnections::closes_idle(TimePoint now) const {
    const std::int64_t at = closed_at_.load(std::memory_order_relaxed);
    return at != 0 && now.time_since_epoch().count() - at < remembered.count();
}

bool ServerConnections::stays_open(Duration age, TimePoint now) const {
    if (!closes_idle(now)) return true;
    const Duration from(closes_from_.load(std::memory_order_relaxed));
    const Duration until(closes_until_.load(std::memory_order_relaxed));
    return age < from / 2 || age > 2 * std::max(until, least_until);
}

}  // namespace otto
