#include "ctl/console/event_feed.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <utility>

#include <sys/socket.h>

namespace otto::ctl {

namespace {

constexpr Duration between_tries = std::chrono::seconds(1);
constexpr Duration patience_of_a_try = std::chrono::seconds(2);
constexpr std::size_t most_at_once = 1024 * 1024;

}  // namespace

Result<Reply> EventFeed::open() {
    return connect(std::chrono::seconds(30));
}

Result<Reply> EventFeed::connect(Duration patience) {
    auto stream = client_.follow(parser_.last_id(), {.most = patience, .stop = stop_, .tick = {}});
    retry_at_ = now() + between_tries;
    if (!stream) return stream.error();
    fd_ = std::move(stream->fd);
    begun_ = std::move(stream->begun);
    return std::move(stream->reply);
}

std::vector<Event> EventFeed::receive() {
    std::vector<Event> events = parser_.feed(std::exchange(begun_, {}));
    std::array<char, 64 * 1024> block;
    for (std::size_t taken = 0; fd_ && taken < most_at_once;) {
        const ssize_t length = ::recv(fd_.get(), block.data(), block.size(), MSG_DONTWAIT);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0 && errno == EAGAIN) break;
        if (length <= 0) {
            fd_.reset();
            break;
        }
        taken += static_cast<std::size_t>(length);
        auto more = parser_.feed({block.data(), static_cast<std::size_t>(length)});
        std::ranges::move(more, std::back_inserter(events));
    }
    if (parser_.too_large()) fd_.reset();
    if (!fd_) {
        parser_.restart();
        retry_at_ = now() + between_tries;
    }
    return events;
}

int EventFeed::time_to_retry() const {
    if (fd_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(retry_at_ - now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, 60'000));
}

bool EventFeed::retry() {
    if (!fd_ && now() >= retry_at_) (void)connect(patience_of_a_try);
    return connected();
}

}  // namespace otto::ctl
