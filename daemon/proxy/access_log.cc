#include "proxy/access_log.h"

#include <utility>

#include <sys/eventfd.h>

#include "base/thread.h"
#include "proxy/access_writer.h"

namespace otto {

AccessDesk::AccessDesk(UniqueFd wake_, unsigned workers) : wake_fd(std::move(wake_)) {
    for (unsigned worker = 0; worker < workers; ++worker) trays.push_back(std::make_unique<Tray>());
}

void AccessDesk::wake() const {
    const std::uint64_t one = 1;
    static_cast<void>(!write(wake_fd.get(), &one, sizeof one));
}

std::uint64_t AccessDesk::dropped() const {
    std::uint64_t sum = lost.load(std::memory_order_relaxed);
    for (const auto& tray : trays) sum += tray->dropped.load(std::memory_order_relaxed);
    return sum;
}

Result<std::unique_ptr<AccessLog>> AccessLog::open(unsigned workers) {
    UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) return Error::from_errno("cannot create an eventfd for the access log");
    const auto desk = std::make_shared<AccessDesk>(std::move(wake), workers);
    auto thread = start_thread("otto-access", [desk] {
        AccessWriter(*desk).run();
        const std::lock_guard lock(desk->mutex);
        desk->ended = true;
        desk->ending.notify_all();
    });
    if (!thread) return thread.error();
    thread->detach();
    return std::unique_ptr<AccessLog>(new AccessLog(desk));
}

AccessLog::~AccessLog() {
    std::unique_lock lock(desk_->mutex);
    desk_->orders.close = true;
    desk_->wake();
    // The thread ends by itself in that time, unless a file system hangs.
    desk_->ending.wait_for(lock, std::chrono::seconds(3), [this] { return desk_->ended; });
}

void AccessLog::order(const std::function<void(AccessDesk::Orders&)>& give) {
    const std::lock_guard lock(desk_->mutex);
    AccessDesk::Orders& orders = desk_->orders;
    if (orders.before.empty())
        for (const auto& tray : desk_->trays) orders.before.push_back(tray->ring.end());
    give(orders);
    desk_->wake();
}

void AccessLog::configure(const AccessLogConfig& config) {
    if (config == config_) return;
    config_ = config;
    order([&config](AccessDesk::Orders& orders) {
        orders.configured = true;
        orders.config = config;
    });
}

void AccessLog::reopen() {
    order([](AccessDesk::Orders& orders) { orders.reopen = true; });
}

}  // namespace otto
