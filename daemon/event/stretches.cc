#include "event/stretches.h"

#include <utility>

namespace otto {

Stretches::Stretches(const Loop& loop) : turn_(loop, [this] { work(); }) {}

void Stretches::add(Job job) {
    jobs_.push_back(std::move(job));
    turn_.schedule();
}

void Stretches::work() {
    const TimePoint until = now() + longest;
    do {
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        if (job()) jobs_.push_back(std::move(job));
    } while (!jobs_.empty() && now() < until);
    if (!jobs_.empty()) turn_.schedule();
}

}  // namespace otto
