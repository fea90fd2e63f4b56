#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "control/listening.h"
#include "proxy/worker.h"

namespace otto::control {

/// The workers: starts them, hands them what all receive, sums up what they count, and ends them.
/// Owned by Otto; control thread.
class Crew {
  public:
    /// What workers use and do not own. Outlives the crew.
    struct Surroundings {
        Mailbox& control;
        const tls::Secret& sticky_key;
        accesslog::Queue& access_log;
    };

    /// Makes room for `count` workers. Once, before all else.
    void prepare(unsigned count);
    /// Starts them, each on its own duplicates of the sockets, with this snapshot.
    Status start(const Surroundings& surroundings, WorkerReports reports,
                 const Listening& listening, const std::shared_ptr<const Snapshot>& snapshot);

    unsigned size() const { return count_; }
    void apply(const std::shared_ptr<const Snapshot>& snapshot) const;
    /// Asks each for WorkerReports::on_confirmed; how many there are.
    std::size_t confirm() const;
    /// Whether each uses what was applied last, for each request from now on.
    bool up_to_date() const;

    /// Each counts the ping when its loop turns.
    void ping();
    /// The index of one that has not answered the last ping; nothing when each has.
    std::optional<unsigned> behind() const;
    /// The longest time that one took, or has been taking by now, to answer the last ping.
    Duration lag() const;

    /// From now on each reply is the last on its connection.
    void end_keep_alive() const;
    /// Each accepts no more and reports WorkerReports::on_drained in the end.
    void drain() const;
    /// Cuts off what is left and joins the threads.
    void stop() const;

    std::uint64_t sum(std::atomic<std::uint64_t> WorkerCounters::*counter) const;
    std::uint64_t connections() const { return sum(&WorkerCounters::connections); }
    std::uint64_t requests() const { return sum(&WorkerCounters::requests); }
    /// The most connections of clients since the last call, as a sum of the workers' own.
    std::uint64_t take_most_connections() const;

    const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
    accept::ConnectionShare& share() { return *share_; }
    ConnectionCalls& connection_calls() { return connection_calls_; }

  private:
    std::unique_ptr<accept::ConnectionShare> share_;
    std::unique_ptr<QueueShare> queue_;
    ConnectionCalls connection_calls_;
    unsigned count_ = 0;
    std::uint64_t pings_ = 0;
    WorkerReports reports_;
    std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace otto::control
