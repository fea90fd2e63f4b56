#include "base/heap_trim.h"

#include <algorithm>

#include <malloc.h>

namespace otto {

namespace {

/// So many have to leave.
constexpr std::uint64_t crowd = 100;
constexpr unsigned trims_per_crowd = 3;
constexpr Duration first_trim = std::chrono::seconds(5);
constexpr Duration next_trim = std::chrono::seconds(15);

}  // namespace

bool HeapTrim::due(TimePoint now, std::uint64_t clients, std::uint64_t most) {
    most_clients_ = std::max({most_clients_, clients, most});
    if (most_clients_ - clients >= crowd && clients <= most_clients_ / 2) {
        most_clients_ = clients;
        if (trims_left_ == 0) next_ = now + first_trim;
        trims_left_ = trims_per_crowd;
    }
    if (trims_left_ == 0 || now < next_) return false;
    --trims_left_;
    next_ = now + next_trim;
    return true;
}

void trim_heap() {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

}  // namespace otto
