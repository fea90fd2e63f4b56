#include "proxy/queue.h"

#include <algorithm>
#include <utility>

namespace otto {

namespace {

/// Requests that leave the queue in one turn of the loop: each may connect, fail, and be answered.
constexpr unsigned max_served = 64;

}  // namespace

// ---- what is shared ----------------------------------------------------------------------------

QueueShare::QueueShare(std::size_t workers) : lines_(workers), calls_(workers) {}

bool QueueShare::enter(std::uint32_t most) {
    std::uint32_t waiting = waiting_.load(std::memory_order_relaxed);
    do {
        if (waiting >= most) return false;
    } while (!waiting_.compare_exchange_weak(waiting, waiting + 1, std::memory_order_acq_rel,
                                             std::memory_order_relaxed));
    return true;
}

/// As busy(), but sure to see each request that did not see what the caller has just given back.
bool QueueShare::any() {
    return waiting_.fetch_add(0, std::memory_order_acq_rel) != 0;
}

/// The line whose turn it is; the number of lines when none waits for its turn.
std::size_t QueueShare::oldest() const {
    std::size_t found = lines_.size();
    std::uint64_t ticket = no_ticket;
    for (std::size_t index = 0; index < lines_.size(); ++index) {
        const std::uint64_t first = lines_[index].first.load(std::memory_order_acquire);
        if (first >= ticket) continue;
        ticket = first;
        found = index;
    }
    return found;
}

/// Has that worker serve its line, once however often it is called until then.
void QueueShare::call(std::size_t index) {
    if (lines_[index].called.exchange(true, std::memory_order_acq_rel)) return;
    const std::lock_guard lock(mutex_);
    if (calls_[index]) calls_[index]();
}

// ---- one worker's ------------------------------------------------------------------------------

void Queue::List::push(Waiter& waiter) {
    waiter.before_ = last;
    waiter.behind_ = nullptr;
    (last != nullptr ? last->behind_ : first) = &waiter;
    last = &waiter;
    ++size;
}

void Queue::List::remove(Waiter& waiter) {
    (waiter.before_ != nullptr ? waiter.before_->behind_ : first) = waiter.behind_;
    (waiter.behind_ != nullptr ? waiter.behind_->before_ : last) = waiter.before_;
    waiter.before_ = nullptr;
    waiter.behind_ = nullptr;
    --size;
}

Queue::Queue(const Loop& loop, QueueShare& share, std::size_t index,
             std::function<void(std::size_t)> on_length, std::function<void(QueueShare::Call)> post)
    : share_(share), index_(index), on_length_(std::move(on_length)), place_left_(loop, [this] {
          call_retries();
          serve();
      }) {
    const std::lock_guard lock(share_.mutex_);
    share_.calls_[index_] = [this, post = std::move(post)] { post([this] { serve(); }); };
}

Queue::~Queue() {
    const std::lock_guard lock(share_.mutex_);
    share_.calls_[index_] = nullptr;
}

bool Queue::push(Waiter& waiter, bool retry, std::uint32_t most) {
    waiter.ticket_ = share_.next_ticket_.fetch_add(1, std::memory_order_relaxed);
    waiter.retry_ = retry;
    (retry ? retries_ : firsts_).push(waiter);
    changed();
    if (share_.enter(most)) {
        waiter.queued_ = true;
        return true;
    }
    (retry ? retries_ : firsts_).remove(waiter);
    changed();
    return false;
}

bool Queue::is_its_turn(const Waiter& waiter) const {
    return waiter.retry_ || (firsts_.first == &waiter && share_.oldest() == index_);
}

void Queue::remove(Waiter& waiter) {
    if (!std::exchange(waiter.queued_, false)) return;
    (waiter.retry_ ? retries_ : firsts_).remove(waiter);
    changed();
    share_.leave();
}

/// Tells the others who waits here.
void Queue::changed() {
    QueueShare::Line& line = share_.lines_[index_];
    line.first.store(firsts_.first != nullptr ? firsts_.first->ticket_ : QueueShare::no_ticket,
                     std::memory_order_release);
    line.retries.store(static_cast<std::uint32_t>(retries_.size), std::memory_order_release);
    on_length_(firsts_.size + retries_.size);
}

/// Those in other workers that wait for their second server.
void Queue::call_retries() {
    for (std::size_t index = 0; index < share_.lines_.size(); ++index)
        if (index != index_ && share_.lines_[index].retries.load(std::memory_order_acquire) != 0)
            share_.call(index);
}

void Queue::serve() {
    share_.lines_[index_].called.exchange(false, std::memory_order_acq_rel);
    serve_retries();
    for (unsigned served = 0;; ++served) {
        const std::size_t oldest = share_.oldest();
        if (oldest == share_.lines_.size()) return;
        if (oldest != index_) {
            share_.call(oldest);
            return;
        }
        if (served == max_served) {
            place_left_.schedule();
            return;
        }
        if (!firsts_.first->try_again()) return;
    }
}

/// Each of them once, as far as the turn goes. One that is served may come back, at the end.
void Queue::serve_retries() {
    unsigned served = 0;
    for (std::size_t left = retries_.size; left > 0 && retries_.first != nullptr; --left) {
        Waiter& waiter = *retries_.first;
        if (served == max_served) {
            place_left_.schedule();
            return;
        }
        if (waiter.try_again()) {
            ++served;
            continue;
        }
        retries_.remove(waiter);
        retries_.push(waiter);
    }
}

}  // namespace otto
