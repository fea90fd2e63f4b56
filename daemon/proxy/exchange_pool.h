#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "event/deferred.h"
#include "event/spares.h"
#include "proxy/exchange.h"
#include "proxy/exchange_context.h"

namespace otto {

/// The exchanges of one worker: those in progress, and spare ones for later requests, which are
/// bounded by their bytes. Owned by the worker, used on its thread.
class ExchangePool {
  public:
    /// What is kept for later requests, of all and of one.
    static constexpr std::size_t most_spare_bytes = 4 * 1024 * 1024;
    static constexpr std::size_t largest_spare = sizeof(Exchange) + 512;

    explicit ExchangePool(const ExchangeContext& context, std::size_t most = most_spare_bytes);

    /// An exchange for one more request.
    Exchange& take();
    /// It is over. One of its calls may be running, so it is not destroyed before the next turn of
    /// the loop, if it is not kept at all.
    void give(Exchange& exchange);
    /// Notifies those in progress that the candidates have changed.
    void candidates_changed();
    /// Destroys all of them.
    void clear();

    std::size_t in_progress() const { return in_progress_.size(); }
    std::size_t spare_bytes() const { return spare_.bytes(); }

  private:
    const ExchangeContext& context_;
    std::vector<std::unique_ptr<Exchange>> in_progress_;
    Spares<std::unique_ptr<Exchange>> spare_;
    std::vector<std::unique_ptr<Exchange>> leaving_;
    Deferred destroy_;
};

}  // namespace otto
