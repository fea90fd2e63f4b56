#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "base/time.h"

namespace otto::control {

/// How Otto stops. At first each reply is the last on its connection, and all else goes on, so that
/// clients move from their kept connections to new ones, and none sends a request just when its
/// connection is closed. A second later, or once it is quiet, nothing more is accepted. Requests in
/// flight then have until the shutdown deadline. Pure; its owner does what the callbacks ask for.
/// Owned by Otto; control thread.
class Shutdown {
  public:
    enum class Phase : std::uint8_t {
        running,
        last_accepts,  // each reply is the last on its connection
        draining,      // nothing is accepted
        stopped
    };

    /// What clients do.
    struct Traffic {
        std::uint64_t requests = 0;     // so far
        std::uint64_t connections = 0;  // open now
    };

    struct Callbacks {
        std::function<Traffic()> traffic;
        std::function<void()> end_keep_alive;
        std::function<void()> drain;  // accept nothing more, and end what is idle
        /// Cut off what is left. `late`: the deadline has passed.
        std::function<void(bool late)> stop;
    };

    explicit Shutdown(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}

    /// A signal: the first lets requests of so many workers finish until `limit`, a second one does
    /// not.
    void begin(Duration limit, std::size_t workers, TimePoint now);
    /// When advance() is due, which looks whether accepting may end.
    std::optional<TimePoint> next() const;
    void advance(TimePoint now);
    /// A worker has no connection left after Callbacks::drain.
    void worker_drained();
    /// Once a second: stops when the deadline has passed.
    void tick(TimePoint now);

    Phase phase() const { return phase_; }
    bool running() const { return phase_ == Phase::running; }

  private:
    void stop(bool late);

    const Callbacks callbacks_;
    Phase phase_ = Phase::running;
    TimePoint accept_until_{};
    TimePoint deadline_{};
    TimePoint checked_{};
    std::uint64_t requests_ = 0;  // at that time
    std::size_t undrained_ = 0;   // workers
};

}  // namespace otto::control
