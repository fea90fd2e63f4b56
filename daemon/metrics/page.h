#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/process.h"
#include "metrics/readings.h"

namespace otto::metrics {

/// The reply to GET /metrics in the making, in the text format of Prometheus 0.0.4. With thousands
/// of servers it has tens of megabytes: it is made in small steps, so that its maker can do other
/// things in between. The manual lists the metrics. Of one thread, any.
class Page {
  public:
    /// The first steps read what the servers have counted.
    explicit Page(Readings readings);

    /// Adds a family to `text`, or some servers' part of one; false when there is none left.
    bool step(std::string& text);

    /// All names, in the order of the page.
    static std::vector<std::string> names();

  private:
    bool read_some();
    bool step_of_servers(std::string& text, std::size_t at);

    const Readings readings_;
    const ProcessUse process_ = read_process();
    std::vector<ServerTotals> servers_;  // of the snapshot's members, in their order
    std::size_t family_ = 0;             // whose turn it is
    std::size_t server_ = 0;             // in that family
};

}  // namespace otto::metrics
