#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.h"
#include "event/timer.h"

namespace otto {

/// Objects that are kept for their next use, so that the steady state allocates nothing. They are
/// bounded by their bytes, and those that were not needed are let go, half of them every few
/// seconds. Belongs to the loop's thread.
template <typename T>
class Spares {
  public:
    static constexpr Duration interval = std::chrono::seconds(5);
    /// So much is kept for ever.
    static constexpr std::size_t always_kept = 256 * 1024;

    Spares(const Loop& loop, std::size_t most_bytes)
        : most_bytes_(most_bytes), timer_(loop, [this] {
              let_go();
              if (!spares_.empty()) timer_.set_after(interval);
          }) {}

    /// The one that was given last.
    std::optional<T> take() {
        if (spares_.empty()) return std::nullopt;
        std::optional<T> taken(std::move(spares_.back().object));
        bytes_ -= spares_.back().bytes;
        spares_.pop_back();
        unneeded_ = std::min(unneeded_, spares_.size());
        return taken;
    }

    /// Whether an object of so many bytes would be kept.
    bool has_room(std::size_t bytes) const { return bytes_ + bytes <= most_bytes_; }

    /// Keeps an object of so many bytes, or destroys it when there are too many already.
    void give(T object, std::size_t bytes) {
        if (!has_room(bytes)) return;
        bytes_ += bytes;
        spares_.push_back({std::move(object), bytes});
        if (!timer_.pending()) timer_.set_after(interval);
    }

    /// Destroys half of those that were not needed since the last call. The timer does it.
    void let_go() {
        std::size_t leaving = (unneeded_ + 1) / 2;
        auto kept = spares_.begin();
        for (; leaving > 0 && bytes_ > always_kept; --leaving) bytes_ -= kept++->bytes;
        spares_.erase(spares_.begin(), kept);
        if (spares_.size() < spares_.capacity() / 4) spares_.shrink_to_fit();
        unneeded_ = spares_.size();
    }

    void clear() {
        spares_.clear();
        bytes_ = 0;
        unneeded_ = 0;
    }

    std::size_t bytes() const { return bytes_; }

  private:
    struct Spare {
        T object;
        std::size_t bytes;
    };

    const std::size_t most_bytes_;
    std::vector<Spare> spares_;  // the one given last at the end
    std::size_t bytes_ = 0;      // of all of them
    std::size_t unneeded_ = 0;   // the fewest that were left since let_go()
    Timer timer_;
};

}  // namespace otto
