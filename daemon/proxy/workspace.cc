#include "proxy/workspace.h"

#include <utility>

#include <time.h>

#include "http/date.h"

namespace otto {

namespace {

/// The most that one read takes from a server.
constexpr std::size_t scratch_size = 64 * 1024;
/// Spare buffers that are kept: of all and of one.
constexpr std::size_t most_buffer_bytes = 4 * 1024 * 1024;
constexpr std::size_t largest_buffer = 64 * 1024;

}  // namespace

Workspace::Workspace(const Loop& loop)
    : scratch_(scratch_size), buffers_(loop, most_buffer_bytes) {}

std::string_view Workspace::date() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != date_second_) {
        date_second_ = now.tv_sec;
        date_.clear();
        http::append_imf_fixdate(date_, now.tv_sec);
    }
    return date_;
}

std::string Workspace::take_buffer() {
    auto buffer = buffers_.take();
    return buffer ? std::move(*buffer) : std::string();
}

void Workspace::give_buffer(std::string buffer) {
    const bool small = buffer.capacity() <= std::string().capacity();  // holds no memory
    if (small || buffer.capacity() > largest_buffer) return;
    buffer.clear();
    const std::size_t bytes = buffer.capacity();
    buffers_.give(std::move(buffer), bytes);
}

}  // namespace otto
