#include "net/pipe.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace otto::net {

namespace {

/// Most bodies pass through theirs in one turn of the loop, so that few serve many.
constexpr std::size_t max_spare = 4;
/// Larger than the default of 64 KiB: an eighth fewer CPU seconds for replies of 10 MiB.
constexpr int pipe_size = 256 * 1024;

}  // namespace

std::optional<Pipe> Pipe::open() {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return std::nullopt;
    ::fcntl(ends[0], F_SETPIPE_SZ, pipe_size);  // as far as the user's share of pipe memory goes
    return Pipe(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

PipePool::PipePool() : most_(most_descriptors() / 2) {}

std::size_t PipePool::most_descriptors() {
    constexpr std::size_t most = 128;
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return most;
    return std::min<std::size_t>(most, files.rlim_cur / 32);
}

std::optional<Pipe> PipePool::take() {
    if (taken_ == most_) return std::nullopt;
    std::optional<Pipe> pipe;
    if (spare_.empty()) {
        pipe = Pipe::open();
    } else {
        pipe = std::move(spare_.back());
        spare_.pop_back();
    }
    if (pipe) ++taken_;
    return pipe;
}

void PipePool::give(Pipe pipe) {
    --taken_;
    if (pipe.held() == 0 && spare_.size() < max_spare) spare_.push_back(std::move(pipe));
}

}  // namespace otto::net
