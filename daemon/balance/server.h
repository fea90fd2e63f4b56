#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"

namespace otto {

/// Whether a server may be given requests.
enum class Health : std::uint8_t { unknown, healthy, unhealthy };

const char* to_string(Health health);

/// A server that requests are sent to. It outlives snapshots: a reload that keeps its URL keeps the
/// object, and with it the health. Shared between threads; the plain members never change after
/// construction.
class Server {
  public:
    Server(std::string url, std::string host, std::string base_path,
           std::vector<Address> addresses);

    const std::uint64_t id = next_id();  // never used again for another
    const std::string url;               // the key
    const std::string host;              // for probes' Host field: "name:port"
    const std::string base_path;
    const std::vector<Address>
        addresses;  // of its name, in the order to try; never empty once resolved

    Health health() const { return health_.load(std::memory_order_acquire); }
    /// Control thread: a verdict of the monitor.
    void set_health(Health health) { health_.store(health, std::memory_order_release); }
    /// Any thread: takes the server out at once. True for the one caller who made the change and
    /// must report it.
    bool take_out();

    /// Any worker: a connection came up, or did not. Counts failures in a row over all workers,
    /// relaxed.
    void note_connected() {
        if (connect_failures_.load(std::memory_order_relaxed) != 0)
            connect_failures_.store(0, std::memory_order_relaxed);
    }
    std::uint32_t note_connect_failure() {
        return connect_failures_.fetch_add(1, std::memory_order_relaxed) + 1;
    }

    /// Index of the address that answered last; tried first. Any thread, relaxed: a hint.
    std::size_t preferred() const { return preferred_.load(std::memory_order_relaxed); }
    void set_preferred(std::size_t index) {
        preferred_.store(static_cast<std::uint32_t>(index), std::memory_order_relaxed);
    }

  private:
    std::atomic<Health> health_{
        Health::unknown};  // control writes; workers only healthy → unhealthy (take_out)
    static std::uint64_t next_id();

    std::atomic<std::uint32_t> preferred_{0};
    std::atomic<std::uint32_t> connect_failures_{0};
};

}  // namespace otto
