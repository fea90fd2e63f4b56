#include "http1/connection_context.h"

namespace otto::http1 {

using namespace http;

namespace {

/// What is kept for requests to be received into, of all and of one.
constexpr std::size_t most_spare_bytes = 4 * 1024 * 1024;
constexpr std::size_t largest_spare = 128 * 1024;
/// The most that one read takes from a client.
constexpr std::size_t scratch_size = 16 * 1024;

}  // namespace

ConnectionContext::ConnectionContext(const Loop& of_thread,
                                     std::function<void(ClientStream&)> request_sink,
                                     std::function<void()> slow_client_sink)
    : loop(of_thread),
      on_request(std::move(request_sink)),
      on_too_slow(std::move(slow_client_sink)),
      scratch(scratch_size),
      spare_(loop, most_spare_bytes) {}

void ConnectionContext::configure(const Config& config) {
    timeouts = config.timeouts;
    request_limits = {.header_bytes = config.limits.header_bytes,
                      .header_count = config.limits.header_count,
                      .target_bytes = config.limits.target_bytes};
    per_request_buffer = config.limits.per_request_buffer;
    answer_half_closed = config.answer_half_closed;
}

std::unique_ptr<Received> ConnectionContext::lend() {
    auto received = spare_.take();
    return received ? std::move(*received) : std::make_unique<Received>();
}

void ConnectionContext::give_back(std::unique_ptr<Received> received) {
    if (!received || received->bytes() > largest_spare) return;
    received->head_bytes.clear();
    received->head.clear();
    received->refusal = {};
    received->clear_input();
    const std::size_t bytes = received->bytes();
    spare_.give(std::move(received), bytes);
}

}  // namespace otto::http1
