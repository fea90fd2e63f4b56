#include "accesslog/access_log.h"

#include <utility>

#include <sys/eventfd.h>

#include "accesslog/consumer.h"
#include "base/thread.h"

namespace otto::accesslog {

Result<std::unique_ptr<AccessLog>> AccessLog::open(unsigned workers) {
    UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) return Error::from_errno("cannot create an eventfd for the access log");
    const auto queue = std::make_shared<Queue>(std::move(wake), workers);
    auto thread = start_thread("otto-access", [queue] {
        Consumer(*queue).run();
        const std::lock_guard lock(queue->mutex);
        queue->ended = true;
        queue->ending.notify_all();
    });
    if (!thread) return thread.error();
    thread->detach();
    return std::unique_ptr<AccessLog>(new AccessLog(queue));
}

AccessLog::~AccessLog() {
    std::unique_lock lock(queue_->mutex);
    queue_->orders.close = true;
    queue_->wake();
    // The thread ends by itself in that time, unless a file system hangs.
    queue_->ending.wait_for(lock, std::chrono::seconds(3), [this] { return queue_->ended; });
}

void AccessLog::order(const std::function<void(Queue::Orders&)>& give) {
    const std::lock_guard lock(queue_->mutex);
    Queue::Orders& orders = queue_->orders;
    if (orders.before.empty())
        for (const auto& buffer : queue_->buffers) orders.before.push_back(buffer->ring.end());
    give(orders);
    queue_->wake();
}

void AccessLog::configure(const AccessLogConfig& config) {
    if (config == config_) return;
    config_ = config;
    order([&config](Queue::Orders& orders) {
        orders.configured = true;
        orders.config = config;
    });
}

void AccessLog::reopen() {
    order([](Queue::Orders& orders) { orders.reopen = true; });
}

}  // namespace otto::accesslog
