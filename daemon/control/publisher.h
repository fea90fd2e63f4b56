#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "proxy/snapshot.h"

namespace otto::control {

/// What the workers have been given, and what they have confirmed. Changes are published at the end
/// of a turn of the loop, because thousands of servers may change together. It knows neither loop
/// nor workers: its owner does what the callbacks ask for. Owned by Servers; control thread.
class Publisher {
  public:
    enum class State : std::uint8_t {
        settling,  // Otto's start: no server receives requests before each has had its first
                   // verdict
        current,   // the workers have been given all there is
        due        // something has changed, which publish_if_due() publishes
    };

    struct Callbacks {
        /// Whether each server has had its first verdict.
        std::function<bool()> settled;
        /// The candidates that follow `predecessor`.
        std::function<std::shared_ptr<const Candidates>(const Candidates& predecessor)> balance;
        /// Gives the snapshot to each worker.
        std::function<void(const std::shared_ptr<const Snapshot>&)> apply;
        /// Has publish_if_due() called at the end of the turn. Called any number of times.
        std::function<void()> wake;
        /// apply() has been called. `settles`: this ends the start.
        std::function<void(bool settles)> on_published;
        /// Asks each worker for confirmed(); how many there are.
        std::function<std::size_t()> ask;
        /// Each worker has confirmed what confirm() asked for.
        std::function<void()> on_confirmed;
    };

    explicit Publisher(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}

    /// Publishes another configuration, or other addresses of its names, at once.
    void take(std::shared_ptr<const Snapshot> snapshot);
    /// Candidates are outdated, or a server has had its first verdict. This and all that follows,
    /// after the first take().
    void changed();
    void publish_if_due();
    /// The start is over, whether or not each server has had a verdict.
    void settle();

    /// Calls on_confirmed once each worker uses what has been published so far. Asked again before
    /// that, once for all.
    void confirm();
    /// One worker has answered one confirm().
    void confirmed();
    bool confirming() const { return awaited_ > 0; }

    State state() const { return state_; }
    /// What was published last; null before the first take().
    const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }

  private:
    void balance();
    void hand_out(bool settles);

    const Callbacks callbacks_;
    std::shared_ptr<const Snapshot> snapshot_;
    State state_ = State::settling;
    std::size_t awaited_ = 0;  // confirmations
};

}  // namespace otto::control
