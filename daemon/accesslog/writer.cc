#include "accesslog/writer.h"

#include <atomic>
#include <random>

#include "accesslog/record.h"

namespace otto::accesslog {

namespace {

/// The longest that a record waits to be written out.
constexpr Duration patience = std::chrono::milliseconds(100);
/// How many bytes may gather before the consumer is woken at once.
constexpr std::size_t batch = Queue::ring_capacity / 4;

}  // namespace

Writer::Writer(const Loop& loop, Queue& queue, unsigned worker)
    : queue_(queue),
      buffer_(*queue.buffers[worker]),
      random_(std::random_device{}()),
      timer_(loop, [this] { wake_consumer(); }) {}

void Writer::configure(const AccessLogConfig& config) {
    sample_ = config.enabled() ? config.sample : 0;
}

void Writer::write(const Ended& ended) {
    if (sample_ < 1 && random_.fraction() >= sample_) return;
    const Record record = record_of(ended);
    // For records that are dropped, too: the consumer logs how many.
    if (!timer_.pending()) timer_.set_after(patience);
    const auto room = buffer_.ring.reserve(record_size(record));
    if (room.empty()) {
        buffer_.dropped.store(buffer_.dropped.load(std::memory_order_relaxed) + 1,
                              std::memory_order_relaxed);
        return;
    }
    write_record(record, room);
    unannounced_ += buffer_.ring.commit();
    if (unannounced_ >= batch) wake_consumer();
}

void Writer::wake_consumer() {
    unannounced_ = 0;
    queue_.wake();
}

}  // namespace otto::accesslog
