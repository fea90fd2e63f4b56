#include "proxy/upstreams.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace otto {

namespace {

/// Connect failures in a row, other than refusals, that take a server out.
constexpr unsigned connect_failures_allowed = 3;

/// The same object by a reference count of its own: exchanges copy these for each request, and one
/// count for all workers would be a cache line that they fight for. The last one of all is let go
/// on the control thread: to free thousands of servers takes milliseconds, which traffic would
/// feel.
template <typename T>
std::shared_ptr<T> counted_apart(std::shared_ptr<T> shared, Mailbox& control) {
    T* object = shared.get();
    return {object, [holder = std::move(shared), &control](T*) mutable {
                control.post([last = std::move(holder)] {});
            }};
}

}  // namespace

Upstreams::Upstreams(const Loop& loop, const WorkerContext& context, unsigned index, Ledger& ledger,
                     std::shared_ptr<const Snapshot> snapshot, Post post)
    : context_(context),
      index_(index),
      ledger_(ledger),
      snapshot_(counted_apart(std::move(snapshot), context.control)),
      picker_(make_picker()),
      pool_(std::make_unique<UpstreamPool>(loop)),
      connection_line_(
          context.connections.add({.close_idle =
                                       [this, post](std::uint64_t server) {
                                           post([this, server] { pool_->close_idle(server); });
                                       },
                                   .freed =
                                       [this, post] {
                                           post([this] {
                                               context_.connections.looks(connection_line_);
                                               pool_->place_freed();
                                           });
                                       }})),
      queue_(
          loop, context.queue, index,
          [&ledger](std::size_t length) {
              ledger.counters().queued.store(length, std::memory_order_relaxed);
          },
          post),
      sticky_(context.sticky_key) {}

Upstreams::~Upstreams() {
    context_.connections.remove(connection_line_);
}

Picker Upstreams::make_picker() const {
    return Picker(pin_candidates({}), index_, context_.workers);
}

bool Upstreams::take_on(std::shared_ptr<const Snapshot> snapshot) {
    const bool configured = !same_servers(*snapshot, *snapshot_);
    const bool others = &snapshot->candidates() != &snapshot_->candidates();
    snapshot_ = counted_apart(std::move(snapshot), context_.control);
    if (configured) {
        pool_->keep_only(*snapshot_->servers);
        configure();
    }
    if (others) picker_ = make_picker();
    return configured;
}

void Upstreams::configure() {
    const Config& config = snapshot_->config;
    pool_->configure(config.timeouts.server_idle);
    queue_.configure(std::ranges::any_of(
        snapshot_->members(), [](const Member& each) { return each.max_connections != 0; }));
    sticky_.configure(config.sticky, snapshot_->members());
    retry_budget_.configure(
        config.retries.budget_percent,
        static_cast<double>(config.retries.budget_min_per_second) / context_.workers);
}

void Upstreams::drain() {
    draining_ = true;
    pool_->clear();
}

void Upstreams::close() {
    pool_.reset();
}

bool Upstreams::may_retry() {
    const bool may = retry_budget_.withdraw(coarse_now());
    if (!may) ledger_.counters().retries_denied.add();
    return may;
}

long long Upstreams::retry_after() const {
    return std::max<long long>(
        1,
        std::chrono::ceil<std::chrono::seconds>(snapshot_->config.health_check.interval).count());
}

void Upstreams::server_failed(Server& server, Failure failure, std::string_view detail) {
    switch (failure) {
        case Failure::refused:
            server.note_connect_failure(coarse_now());
            break;
        case Failure::connect_failed:
        case Failure::connect_timeout:
            server_erred(server);
            if (server.note_connect_failure(coarse_now()) < connect_failures_allowed) return;
            break;
        case Failure::reset_before_response:
        case Failure::response_timeout:
        case Failure::malformed_response:
            server_erred(server);
            return;
        case Failure::local:
            return;
    }
    pool_->drop(server);
    if (!server.take_out()) return;
    context_.control.post([&reports = context_.reports, id = server.id,
                           reason = std::string(detail)] { reports.on_taken_out(id, reason); });
}

void Upstreams::server_erred(Server& server) {
    const std::uint32_t count = server.note_error();
    const unsigned most = snapshot_->config.ejection.consecutive_errors;
    if (most == 0 || count % most != 0) return;
    context_.control.post(
        [&reports = context_.reports, id = server.id, count] { reports.on_errors(id, count); });
}

void Upstreams::server_answered(const Server& server) {
    if (server.health() != Health::unhealthy) return;
    context_.control.post(
        [&reports = context_.reports, id = server.id] { reports.on_answered(id); });
}

void Upstreams::report_probe_request(const Server& server, bool passed) {
    context_.control.post([&reports = context_.reports, id = server.id, passed] {
        reports.on_probe_request(id, passed);
    });
}

}  // namespace otto
