#include "proxy/access_pen.h"

#include <atomic>
#include <random>

#include "proxy/access_record.h"

namespace otto {

namespace {

/// The longest that a record waits to be written out.
constexpr Duration patience = std::chrono::milliseconds(100);
/// What may gather before the writer is called at once.
constexpr std::size_t batch = AccessDesk::ring_capacity / 4;

}  // namespace

AccessPen::AccessPen(const Loop& loop, AccessDesk& desk, unsigned worker)
    : desk_(desk),
      tray_(*desk.trays[worker]),
      random_(std::random_device{}()),
      timer_(loop, [this] { call_writer(); }) {}

void AccessPen::configure(const AccessLogConfig& config) {
    sample_ = config.enabled() ? config.sample : 0;
}

void AccessPen::write(const Ended& ended) {
    if (sample_ < 1 && random_.fraction() >= sample_) return;
    const AccessRecord record = access_record_of(ended);
    // For records that are dropped, too: the writer tells of them.
    if (!timer_.pending()) timer_.set_after(patience);
    const auto room = tray_.ring.reserve(record_size(record));
    if (room.empty()) {
        tray_.dropped.store(tray_.dropped.load(std::memory_order_relaxed) + 1,
                            std::memory_order_relaxed);
        return;
    }
    write_record(record, room);
    unannounced_ += tray_.ring.commit();
    if (unannounced_ >= batch) call_writer();
}

void AccessPen::call_writer() {
    unannounced_ = 0;
    desk_.wake();
}

}  // namespace otto
