#include "event/deferred.h"

#include <utility>

namespace otto {

Deferred::Deferred(const Loop& loop, std::function<void()> work)
    : later_(*loop.later_), work_(std::move(work)) {}

void Deferred::schedule() {
    if (linked()) return;
    later_.tasks.insert_before(*this);
    later_.arm();
}

}  // namespace otto
