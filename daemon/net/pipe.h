#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/handle.h"
#include "base/time.h"
#include "event/slice.h"

namespace otto::net {

/// A pipe through which splice(2) moves a large body from one socket to another without copying it
/// into the process. Of one worker's thread.
class Pipe {
  public:
    enum class Moved : std::uint8_t {
        all,            // nothing is left, and the pipe is empty
        some,           // enough for one turn of the loop
        source_empty,   // the source has nothing more for now; the pipe is empty
        source_ended,   // no more will come
        source_broken,  // errno says why
        sink_full,      // the sink takes no more for now; the pipe holds some
        sink_broken,    // errno says why
    };

    /// Whether so much of a body is worth the system calls: less is copied twice for the same.
    static bool is_worth_it(Bytes length) { return length >= least; }

    /// Nothing when the process is out of descriptors.
    static std::optional<Pipe> open();

    /// Bytes in the pipe.
    std::size_t held() const { return held_; }

    /// Moves bytes until one side blocks. `left` is what the source still has to give and is
    /// lowered as it does. `fill(fd, most)` splices from the source into `fd`, `drain(fd, most)`
    /// from `fd` into the sink; both return as splice(2) does.
    template <typename Fill, typename Drain>
    Moved move(Bytes& left, const Fill& fill, const Drain& drain) {
        Slice slice(max_moved);
        for (bool more = true;;) {
            if (held_ > 0) {
                const ssize_t gone = drain(out_.get(), held_);
                if (gone > 0) {
                    held_ -= static_cast<std::size_t>(gone);
                } else if (gone == 0 || errno != EINTR) {
                    return gone < 0 && errno == EAGAIN ? Moved::sink_full : Moved::sink_broken;
                }
                continue;
            }
            if (left == 0) return Moved::all;
            if (!more) return Moved::some;
            const auto most = static_cast<std::size_t>(std::min(left, capacity));
            const ssize_t come = fill(in_.get(), most);
            if (come > 0) {
                held_ = static_cast<std::size_t>(come);
                left -= held_;
                more = slice.spend(held_);
            } else if (come == 0) {
                return Moved::source_ended;
            } else if (errno != EINTR) {
                return errno == EAGAIN ? Moved::source_empty : Moved::source_broken;
            }
        }
    }

  private:
    static constexpr Bytes least = 32 * 1024;
    static constexpr Bytes capacity = 1 << 20;   // more than any pipe holds
    static constexpr Bytes max_moved = 1 << 20;  // in one turn of the loop

    Pipe(UniqueFd out, UniqueFd in) : out_(std::move(out)), in_(std::move(in)) {}

    UniqueFd out_;
    UniqueFd in_;
    std::size_t held_ = 0;
};

/// One worker's pipes: few, since each costs two descriptors and some of the user's share of pipe
/// memory. Whoever gets none copies.
class PipePool {
  public:
    PipePool();

    /// What all pipes of a pool take at most: 128, and no more than a 32nd of the limit of open
    /// files.
    static std::size_t most_descriptors();

    std::optional<Pipe> take();
    /// Takes a pipe back. One that still holds something is closed.
    void give(Pipe pipe);

  private:
    const std::size_t most_;
    std::size_t taken_ = 0;
    std::vector<Pipe> spare_;
};

/// A pipe on loan from its pool, or none.
class PipeLease {
  public:
    explicit PipeLease(PipePool& pool) : pool_(pool) {}
    ~PipeLease() { end(); }
    PipeLease(const PipeLease&) = delete;
    PipeLease& operator=(const PipeLease&) = delete;

    /// Gets one if there is none yet. False when the pool has none.
    bool begin() {
        if (!pipe_) pipe_ = pool_.take();
        return pipe_.has_value();
    }
    void end() {
        if (pipe_) pool_.give(*std::exchange(pipe_, std::nullopt));
    }
    std::size_t held() const { return pipe_ ? pipe_->held() : 0; }
    explicit operator bool() const { return pipe_.has_value(); }
    Pipe* operator->() { return &*pipe_; }

  private:
    PipePool& pool_;
    std::optional<Pipe> pipe_;
};

}  // namespace otto::net
