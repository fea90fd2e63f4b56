#include "proxy/exchange_pool.h"

#include <utility>

namespace otto {

ExchangePool::ExchangePool(const ExchangeContext& context, std::size_t most)
    : context_(context),
      spare_(context.loop, most),
      destroy_(context.loop, [this] { leaving_.clear(); }) {}

Exchange& ExchangePool::take() {
    auto spare = spare_.take();
    in_progress_.push_back(spare ? std::move(*spare) : std::make_unique<Exchange>(context_));
    Exchange& exchange = *in_progress_.back();
    exchange.set_place(in_progress_.size() - 1);
    return exchange;
}

void ExchangePool::give(Exchange& exchange) {
    const std::size_t place = exchange.place();
    std::swap(in_progress_[place], in_progress_.back());
    in_progress_[place]->set_place(place);
    std::unique_ptr<Exchange> over = std::move(in_progress_.back());
    in_progress_.pop_back();
    const std::size_t bytes = over->bytes();
    if (bytes <= largest_spare && spare_.has_room(bytes)) {
        spare_.give(std::move(over), bytes);
    } else {
        leaving_.push_back(std::move(over));
        destroy_.schedule();
    }
}

/// Backwards, because give() puts the last one where one ends.
void ExchangePool::candidates_changed() {
    for (std::size_t at = in_progress_.size(); at > 0; --at)
        if (at <= in_progress_.size()) in_progress_[at - 1]->candidates_changed();
}

void ExchangePool::clear() {
    in_progress_.clear();
    spare_.clear();
    leaving_.clear();
}

}  // namespace otto
