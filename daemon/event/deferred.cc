#include "event/deferred.h"

#include <utility>

namespace otto {

Deferred::Deferred(const Loop& loop, std::function<void()> work)
    : work_(std::move(work)), event_(event_new(loop.base(), -1, 0, fired, this)) {}

void Deferred::fired(evutil_socket_t, short, void* self) {
    static_cast<Deferred*>(self)->work_();
}

}  // namespace otto
