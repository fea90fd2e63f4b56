#include "accesslog/queue.h"

#include <utility>

#include <unistd.h>

namespace otto::accesslog {

Queue::Queue(UniqueFd wake_, unsigned workers) : wake_fd(std::move(wake_)) {
    for (unsigned worker = 0; worker < workers; ++worker)
        buffers.push_back(std::make_unique<Buffer>());
}

void Queue::wake() const {
    const std::uint64_t one = 1;
    static_cast<void>(!write(wake_fd.get(), &one, sizeof one));
}

std::uint64_t Queue::dropped() const {
    std::uint64_t sum = lost.load(std::memory_order_relaxed);
    for (const auto& buffer : buffers) sum += buffer->dropped.load(std::memory_order_relaxed);
    return sum;
}

}  // namespace otto::accesslog
