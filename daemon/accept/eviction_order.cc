#include "accept/eviction_order.h"

#include <algorithm>

namespace otto::accept {

EvictionOrder::EvictionOrder(std::uint64_t seed)
    : seed_(seed | 1), silent_(rows), sizes_(rows), rows_of_size_{std::uint32_t{rows}} {}

EvictionOrder::List& EvictionOrder::list_of(const Entry& entry) {
    return entry.waiting_ == Waiting::first_byte ? silent_[entry.row_]
                                                 : lists_[index(entry.waiting_)];
}

void EvictionOrder::put(Entry& entry, Waiting waiting, TimePoint since, std::uint64_t client) {
    remove(entry);
    if (waiting == Waiting::none) return;
    constexpr unsigned shift = 64 - 10;
    static_assert(rows == 1 << 10);
    entry.row_ = static_cast<std::uint16_t>((client * seed_) >> shift);
    entry.waiting_ = waiting;
    entry.since_ = since;
    List& list = list_of(entry);
    entry.before_ = list.last;
    entry.behind_ = nullptr;
    (list.last != nullptr ? list.last->behind_ : list.first) = &entry;
    list.last = &entry;
    if (waiting != Waiting::client) ++size_;
    if (entry.waiting_ != Waiting::first_byte) return;
    const std::uint32_t size = ++sizes_[entry.row_];
    if (size == rows_of_size_.size()) rows_of_size_.push_back(0);
    --rows_of_size_[size - 1];
    ++rows_of_size_[size];
    largest_ = std::max(largest_, size);
}

void EvictionOrder::remove(Entry& entry) {
    if (entry.waiting_ == Waiting::none) return;
    List& list = list_of(entry);
    (entry.before_ != nullptr ? entry.before_->behind_ : list.first) = entry.behind_;
    (entry.behind_ != nullptr ? entry.behind_->before_ : list.last) = entry.before_;
    entry.before_ = entry.behind_ = nullptr;
    if (entry.waiting_ != Waiting::client) --size_;
    const bool silent = entry.waiting_ == Waiting::first_byte;
    entry.waiting_ = Waiting::none;
    if (!silent) return;
    const std::uint32_t size = sizes_[entry.row_]--;
    --rows_of_size_[size];
    ++rows_of_size_[size - 1];
    // If this was the only row of the largest size, it is the largest row still.
    if (size == largest_ && rows_of_size_[size] == 0) --largest_;
}

EvictionOrder::Entry* EvictionOrder::next() const {
    if (largest_ > 0) {
        const auto row = std::ranges::find(sizes_, largest_);
        return silent_[static_cast<std::size_t>(row - sizes_.begin())].first;
    }
    Entry* partial = first(Waiting::rest);
    return partial != nullptr ? partial : first(Waiting::next);
}

/// What the connection waits for counts first, then the number of connections, or the time.
EvictionOrder::Rank EvictionOrder::rank() const {
    constexpr unsigned shift = 62;
    if (largest_ > 0) return (Rank{1} << shift) - 1 - largest_;
    for (const Waiting waiting : {Waiting::rest, Waiting::next}) {
        const Entry* entry = first(waiting);
        if (entry == nullptr) continue;
        const auto since = static_cast<Rank>(entry->since_.time_since_epoch().count());
        return (static_cast<Rank>(waiting) << shift) + since;
    }
    return nothing;
}

}  // namespace otto::accept
