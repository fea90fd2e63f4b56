#include "proxy/upstream_pool.h"

#include <algorithm>
#include <utility>

namespace otto {

namespace {

/// Idle connections kept to one server by one worker.
constexpr std::size_t max_idle = 512;
/// A connection that was idle for longer is looked at before it is used: its server may have closed
/// it, or said goodbye (408), in this very turn of the loop. Under load none is idle for so long.
constexpr Duration trust_time = std::chrono::milliseconds(10);

}  // namespace

class UpstreamPool::Idle final : public UpstreamObserver {
  public:
    Idle(UpstreamPool& pool, std::uint64_t server, std::unique_ptr<UpstreamConnection> connection,
         TimePoint since, TimePoint until)
        : since_(since),
          until_(until),
          pool_(pool),
          server_(server),
          connection_(std::move(connection)) {
        connection_->observe(this);
    }

    std::unique_ptr<UpstreamConnection> release() { return std::move(connection_); }
    TimePoint since() const { return since_; }
    TimePoint until() const { return until_; }

  private:
    /// An idle server has nothing to say but goodbye.
    void on_upstream(bool readable, bool) override {
        if (readable) pool_.remove(server_, *this);
    }

    const TimePoint since_;
    const TimePoint until_;
    UpstreamPool& pool_;
    const std::uint64_t server_;
    std::unique_ptr<UpstreamConnection> connection_;
};

UpstreamPool::UpstreamPool(const Loop& loop) : loop_(loop), timer_(loop, [this] { expire(); }) {}

UpstreamPool::~UpstreamPool() = default;

std::unique_ptr<UpstreamConnection> UpstreamPool::take(const Server& server) {
    const auto found = idle_.find(server.id);
    if (found == idle_.end()) return nullptr;
    Stack& stack = found->second;
    while (!stack.empty()) {
        const TimePoint since = stack.back()->since();
        auto connection = stack.back()->release();
        stack.pop_back();
        if (coarse_now() - since < trust_time || connection->untouched()) return connection;
    }
    return nullptr;
}

void UpstreamPool::put(const Server& server, std::unique_ptr<UpstreamConnection> connection) {
    Stack& stack = idle_[server.id];
    if (stack.size() >= max_idle) return;
    connection->mark_reused();
    connection->rest();
    const TimePoint since = coarse_now();
    const TimePoint until = since + server_idle_;
    stack.push_back(std::make_unique<Idle>(*this, server.id, std::move(connection), since, until));
    if (!timer_.pending()) timer_.set(until);
}

void UpstreamPool::drop(const Server& server) {
    idle_.erase(server.id);
}

void UpstreamPool::clear() {
    idle_.clear();
}

std::size_t UpstreamPool::size() const {
    std::size_t sum = 0;
    for (const auto& [server, stack] : idle_) sum += stack.size();
    return sum;
}

void UpstreamPool::remove(std::uint64_t server, const Idle& idle) {
    std::erase_if(idle_[server], [&idle](const auto& each) { return each.get() == &idle; });
}

/// The bottom of each stack has been idle for longest.
void UpstreamPool::expire() {
    const TimePoint time = coarse_now();
    TimePoint next = TimePoint::max();
    for (auto& [server, stack] : idle_) {
        const auto alive = std::find_if(stack.begin(), stack.end(),
                                        [time](const auto& each) { return each->until() > time; });
        stack.erase(stack.begin(), alive);
        if (!stack.empty()) next = std::min(next, stack.front()->until());
    }
    if (next != TimePoint::max()) timer_.set(next);
}

}  // namespace otto
