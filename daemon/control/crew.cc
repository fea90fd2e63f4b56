#include "control/crew.h"

#include <algorithm>
#include <utility>

namespace otto::control {

void Crew::prepare(unsigned count) {
    share_ = std::make_unique<accept::ConnectionShare>(count);
    queue_ = std::make_unique<QueueShare>(count);
    count_ = count;
}

Status Crew::start(const Surroundings& surroundings, WorkerReports reports,
                   const Listening& listening, const std::shared_ptr<const Snapshot>& snapshot) {
    reports_ = std::move(reports);
    const WorkerContext context{.control = surroundings.control,
                                .reports = reports_,
                                .share = *share_,
                                .workers = count_,
                                .queue = *queue_,
                                .connections = connection_calls_,
                                .sticky_key = surroundings.sticky_key,
                                .access_log = surroundings.access_log};
    for (unsigned index = 0; index < count_; ++index) {
        auto sockets = listening.duplicate();
        if (!sockets) return sockets.error();
        auto worker = Worker::open(context, index, std::move(*sockets), snapshot);
        if (!worker) return worker.error();
        workers_.push_back(std::move(*worker));
    }
    for (const auto& worker : workers_) {
        const Status started = worker->start();
        if (!started) return started;
    }
    return {};
}

void Crew::apply(const std::shared_ptr<const Snapshot>& snapshot) const {
    for (const auto& worker : workers_) worker->apply(snapshot);
}

std::size_t Crew::confirm() const {
    for (const auto& worker : workers_) worker->confirm();
    return workers_.size();
}

bool Crew::up_to_date() const {
    return std::ranges::all_of(workers_, [](const auto& worker) { return worker->up_to_date(); });
}

void Crew::ping() {
    ++pings_;
    for (const auto& worker : workers_) worker->ping();
}

std::optional<unsigned> Crew::behind() const {
    for (const auto& worker : workers_)
        if (worker->counters().pings_answered.load(std::memory_order_relaxed) < pings_)
            return worker->index();
    return std::nullopt;
}

Duration Crew::lag() const {
    Duration longest{};
    for (const auto& worker : workers_) longest = std::max(longest, worker->lag());
    return longest;
}

void Crew::end_keep_alive() const {
    for (const auto& worker : workers_) worker->end_keep_alive();
}

void Crew::drain() const {
    for (const auto& worker : workers_) worker->drain();
}

void Crew::stop() const {
    for (const auto& worker : workers_) worker->stop();
}

std::uint64_t Crew::sum(std::atomic<std::uint64_t> WorkerCounters::*counter) const {
    std::uint64_t total = 0;
    for (const auto& worker : workers_)
        total += (worker->counters().*counter).load(std::memory_order_relaxed);
    return total;
}

std::uint64_t Crew::take_most_connections() const {
    std::uint64_t most = 0;
    for (const auto& worker : workers_) most += worker->take_most_connections();
    return most;
}

}  // namespace otto::control
