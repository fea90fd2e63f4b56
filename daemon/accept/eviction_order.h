#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/time.h"
#include "net/connection_owner.h"

namespace otto::accept {

using net::Waiting;

/// The connections of one thread that may be closed to make room, in the order in which they go:
///
///  1. those that have never sent a byte, of the client address that has the most of them;
///  2. those within a request's head, the one that began first;
///  3. those between two requests, the one that has waited for longest.
///
/// Those that do not take a reply are kept apart: first(Waiting::client). Every operation takes a
/// fixed number of steps, but for next(), which looks at a table of fixed size when it finds an
/// address. Addresses that fall on the same row of the table, which is drawn at random, count as
/// one. Owned by a table of connections; of its thread.
class EvictionOrder {
  public:
    /// A connection's place in the order, which it leaves before it is destroyed.
    class Entry {
      public:
        Waiting waiting() const { return waiting_; }
        /// Since when it has waited; not for Waiting::none.
        TimePoint since() const { return since_; }

      private:
        friend class EvictionOrder;

        Entry* before_ = nullptr;
        Entry* behind_ = nullptr;
        TimePoint since_{};
        std::uint16_t row_ = 0;
        Waiting waiting_ = Waiting::none;
    };

    /// Which of several threads has the connection to close: the one with the lowest rank.
    using Rank = std::uint64_t;
    static constexpr Rank nothing = std::numeric_limits<Rank>::max();

    /// `seed` is unknown to clients.
    explicit EvictionOrder(std::uint64_t seed);
    EvictionOrder(const EvictionOrder&) = delete;
    EvictionOrder& operator=(const EvictionOrder&) = delete;

    /// Puts it behind all others that wait for the same, wherever it was before. `since` never goes
    /// back from one call to the next; `client` (client_key()) says whose it is.
    void put(Entry& entry, Waiting waiting, TimePoint since, std::uint64_t client);
    /// Harmless when it is in no list.
    void remove(Entry& entry);

    /// The one to close; null when there is none.
    Entry* next() const;
    /// The rank of next().
    Rank rank() const;
    /// All that may be closed; those of first(Waiting::client) do not count.
    std::uint32_t size() const { return size_; }
    /// The one that has waited for longest. Not for Waiting::first_byte and none.
    Entry* first(Waiting waiting) const { return lists_[index(waiting)].first; }

  private:
    struct List {
        Entry* first = nullptr;
        Entry* last = nullptr;
    };
    static constexpr std::size_t rows = 1024;

    static std::size_t index(Waiting waiting) { return static_cast<std::size_t>(waiting); }
    List& list_of(const Entry& entry);

    const std::uint64_t seed_;
    std::array<List, static_cast<std::size_t>(Waiting::none)>
        lists_{};                              // by Waiting; that of first_byte is unused
    std::vector<List> silent_;                 // by row
    std::vector<std::uint32_t> sizes_;         // of silent_
    std::vector<std::uint32_t> rows_of_size_;  // how many rows have so many entries
    std::uint32_t largest_ = 0;                // of sizes_
    std::uint32_t size_ = 0;
};

}  // namespace otto::accept
