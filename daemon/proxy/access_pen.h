#pragma once

#include <cstddef>

#include "base/random.h"
#include "config/config.h"
#include "event/loop.h"
#include "event/timer.h"
#include "proxy/access_log.h"

namespace otto {

struct Ended;

/// How a worker writes to the access log: into its ring, without a lock, an allocation or a system
/// call. The thread that writes them out is called when a part of the ring is full, or else 100 ms
/// after the first record. Owned by the worker, of its thread.
class AccessPen {
  public:
    AccessPen(const Loop& loop, AccessDesk& desk, unsigned worker);

    void configure(const AccessLogConfig& config);
    bool enabled() const { return sample_ > 0; }
    /// Writes the request down, or drops and counts it when there is no room, or passes it over
    /// when it is not one of those that are drawn.
    void write(const Ended& ended);

  private:
    void call_writer();

    AccessDesk& desk_;
    AccessDesk::Tray& tray_;
    double sample_ = 0;  // 0: the log is off
    Random random_;
    std::size_t unannounced_ = 0;  // bytes since the writer was called
    Timer timer_;
};

}  // namespace otto
