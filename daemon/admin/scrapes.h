#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "admin/readings.h"
#include "admin/render_prometheus.h"
#include "event/loop.h"
#include "event/timer.h"

namespace otto::admin {

/// Makes the page of metrics for whoever asks, on the loop's thread, but only for about a
/// millisecond in a row: health checks and other events go on meanwhile. One page at a time, for
/// all who asked before it was begun. Owned by the Api; control thread.
class Scrapes {
  public:
    struct Callbacks {
        std::function<Readings()> read;
        std::function<void(std::uint64_t ticket, std::string page)> answer;
    };

    Scrapes(const Loop& loop, Callbacks callbacks);

    /// `answer` will be called, but not from here.
    void ask(std::uint64_t ticket);

  private:
    void work();

    const Callbacks callbacks_;
    std::vector<std::uint64_t> waiting_;
    std::vector<std::uint64_t> served_;  // by the page in the making
    std::optional<MetricsPage> page_;
    std::size_t last_size_ = 0;  // of a page: the next is much the same
    Timer turn_;
};

}  // namespace otto::admin
