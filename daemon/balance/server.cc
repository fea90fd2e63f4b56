#include "balance/server.h"

#include <utility>

namespace otto {

const char* to_string(Health health) {
    switch (health) {
        case Health::unknown:
            return "unknown";
        case Health::healthy:
            return "healthy";
        case Health::unhealthy:
            return "unhealthy";
    }
    return "";
}

Server::Server(std::string url_, std::string host_, std::string base_path_,
               std::vector<Address> addresses_)
    : url(std::move(url_)),
      host(std::move(host_)),
      base_path(std::move(base_path_)),
      addresses(std::move(addresses_)) {}

std::uint64_t Server::next_id() {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

bool Server::take_out() {
    Health expected = Health::healthy;
    return health_.compare_exchange_strong(expected, Health::unhealthy, std::memory_order_acq_rel,
                                           std::memory_order_acquire);
}

}  // namespace otto
