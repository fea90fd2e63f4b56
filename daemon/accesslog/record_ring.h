#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace otto::accesslog {

/// Records, runs of bytes, on their way from the one thread that writes them to the one that reads
/// them. Neither waits, locks or allocates; what does not fit is not taken. Whoever makes it sees
/// to it that it outlives both.
class RecordRing {
  public:
    /// `capacity` is a power of two; a record may take a quarter of it. The memory becomes resident
    /// as it is used.
    explicit RecordRing(std::size_t capacity)
        : capacity_(capacity), bytes_(std::make_unique_for_overwrite<char[]>(capacity)) {}
    RecordRing(const RecordRing&) = delete;
    RecordRing& operator=(const RecordRing&) = delete;

    std::size_t capacity() const { return capacity_; }

    // ---- for the writing thread ----

    /// Room for one record of `size` bytes, more than none, to be filled and then committed; empty:
    /// it does not fit.
    std::span<char> reserve(std::size_t size) {
        const std::size_t needed = header_size + rounded(size);
        const std::size_t at = index(written_);
        const std::size_t left = capacity_ - at;
        const std::size_t skipped = needed > left ? left : 0;
        if (!has_room(skipped + needed)) return {};
        if (skipped != 0) put_header(at, wrap);
        reserved_ = written_ + skipped;
        put_header(index(reserved_), static_cast<std::uint32_t>(size));
        return {&bytes_[index(reserved_) + header_size], size};
    }
    /// Hands over what was reserved last; how many bytes of the ring it took.
    std::size_t commit() {
        const std::uint64_t before = written_;
        written_ = reserved_ + header_size + rounded(header_at(index(reserved_)));
        head_.store(written_, std::memory_order_release);
        return static_cast<std::size_t>(written_ - before);
    }

    // ---- for the reading thread ----

    /// The oldest record, which stays until pop(); empty: there is none.
    std::span<const char> front() {
        if (read_ == known_head_) known_head_ = head_.load(std::memory_order_acquire);
        if (read_ == known_head_) return {};
        if (header_at(index(read_)) == wrap) read_ += capacity_ - index(read_);
        return {&bytes_[index(read_) + header_size], header_at(index(read_))};
    }
    void pop() {
        read_ += header_size + rounded(header_at(index(read_)));
        tail_.store(read_, std::memory_order_release);
    }
    /// Where the records end that are there now, for done_up_to().
    std::uint64_t end() const { return head_.load(std::memory_order_acquire); }
    bool done_up_to(std::uint64_t end) const { return read_ >= end; }

  private:
    static constexpr std::size_t header_size = 8;  // the record's size, and room to align it
    static constexpr std::uint32_t wrap = ~0U;     // in place of a size: go on at the beginning

    static std::size_t rounded(std::size_t size) { return (size + 7) & ~std::size_t{7}; }
    std::size_t index(std::uint64_t position) const {
        return static_cast<std::size_t>(position & (capacity_ - 1));
    }
    void put_header(std::size_t at, std::uint32_t size) {
        std::memcpy(&bytes_[at], &size, sizeof size);
    }
    std::uint32_t header_at(std::size_t at) const {
        std::uint32_t size = 0;
        std::memcpy(&size, &bytes_[at], sizeof size);
        return size;
    }
    bool has_room(std::size_t size) {
        if (written_ + size - known_tail_ <= capacity_) return true;
        known_tail_ = tail_.load(std::memory_order_acquire);
        return written_ + size - known_tail_ <= capacity_;
    }

    const std::size_t capacity_;
    const std::unique_ptr<char[]> bytes_;

    // The writer's alone.
    alignas(64) std::uint64_t written_ = 0;
    std::uint64_t reserved_ = 0;
    std::uint64_t known_tail_ = 0;
    // The reader's alone.
    alignas(64) std::uint64_t read_ = 0;
    std::uint64_t known_head_ = 0;
    // What is written and read in all, in bytes. Released by its owner after the bytes are there
    // or not needed any more, acquired by the other.
    alignas(64) std::atomic<std::uint64_t> head_{0};
    alignas(64) std::atomic<std::uint64_t> tail_{0};
};

}  // namespace otto::accesslog
