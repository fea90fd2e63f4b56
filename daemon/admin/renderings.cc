#include "admin/renderings.h"

#include <utility>

namespace otto::admin {

Renderings::Renderings(Stretches& stretches, Callbacks callbacks)
    : stretches_(stretches), callbacks_(std::move(callbacks)) {}

void Renderings::ask(Kind kind, std::uint64_t ticket) {
    Work& work = works_[static_cast<std::size_t>(kind)];
    work.waiting.push_back(ticket);
    if (std::exchange(work.under_way, true)) return;
    stretches_.add([this, kind] { return step(kind); });
}

void Renderings::forget(std::uint64_t ticket) {
    for (Work& work : works_) {
        std::erase(work.waiting, ticket);
        std::erase(work.served, ticket);
    }
}

/// False when no client waits.
bool Renderings::step(Kind kind) {
    Work& work = works_[static_cast<std::size_t>(kind)];
    if (!work.rendering) return begin(work, kind);
    if (work.complete) return answer_next(work);
    if (work.rendering->step(work.body)) return true;
    work.complete = true;
    work.last_size = work.body.size();
    work.rendering->reply.shared = http::SharedText::of(std::exchange(work.body, {}));
    return true;
}

bool Renderings::begin(Work& work, Kind kind) {
    if (work.waiting.empty()) {
        work.under_way = false;
        return false;
    }
    work.served = std::exchange(work.waiting, {});
    const std::size_t expected = work.last_size + work.last_size / 8;
    for (const std::uint64_t ticket : work.served) callbacks_.make_room(ticket, expected);
    work.body.reserve(expected);
    work.complete = false;
    work.rendering = callbacks_.begin(kind);
    return true;
}

bool Renderings::answer_next(Work& work) {
    if (work.served.empty()) {
        work.rendering.reset();
        return true;
    }
    const std::uint64_t ticket = work.served.back();
    work.served.pop_back();
    callbacks_.answer(ticket, work.rendering->reply);
    return true;
}

}  // namespace otto::admin
