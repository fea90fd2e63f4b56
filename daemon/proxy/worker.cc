#include "proxy/worker.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/thread.h"
#include "log/journal.h"

namespace otto {

Result<std::unique_ptr<Worker>> Worker::open(const WorkerContext& context, unsigned index,
                                             std::vector<UniqueFd> sockets,
                                             std::shared_ptr<const Snapshot> snapshot) {
    auto loop = Loop::open();
    if (!loop) return loop.error();
    std::unique_ptr<Worker> worker(new Worker(context, index, std::move(*loop)));
    auto mailbox = Mailbox::open(worker->loop_);
    if (!mailbox) return mailbox.error();
    worker->mailbox_ = std::move(*mailbox);
    worker->sockets_ = std::move(sockets);
    worker->upstreams_ = std::make_unique<Upstreams>(
        worker->loop_, worker->context_, index, worker->ledger_, std::move(snapshot),
        [mailbox = worker->mailbox_.get()](std::function<void()> message) {
            mailbox->post(std::move(message));
        });
    const Status listener = worker->make_listener();
    if (!listener) return listener.error();
    return worker;
}

Worker::Worker(const WorkerContext& context, unsigned index, Loop loop)
    : context_(context),
      index_(index),
      loop_(std::move(loop)),
      ledger_(loop_, context.access_log, index, context.workers),
      workspace_(loop_) {}

Worker::~Worker() {
    context_.share.on_asked(index_, nullptr);
    stop();
}

// ---- control thread ----------------------------------------------------------------------------

Status Worker::start() {
    auto thread = start_thread(fmt::format("otto-worker-{}", index_).c_str(), [this] { run(); });
    if (!thread) return thread.error();
    thread_ = *std::move(thread);
    return {};
}

void Worker::apply(std::shared_ptr<const Snapshot> snapshot) {
    ++ordered_;
    mailbox_->post([this, snapshot = std::move(snapshot)] {
        take_on(snapshot);
        ledger_.counters().applied.fetch_add(1, std::memory_order_release);
    });
}

void Worker::confirm() {
    mailbox_->post([this] {
        context_.control.post(
            [&reports = context_.reports, worker = index_] { reports.on_confirmed(worker); });
    });
}

void Worker::ping() {
    ++pings_;
    pinged_ = now();
    mailbox_->post([this, sent = pinged_] {
        ledger_.counters().lag.store(std::chrono::nanoseconds(now() - sent).count(),
                                     std::memory_order_relaxed);
        Ledger::add(ledger_.counters().pings_answered);
    });
}

Duration Worker::lag() const {
    if (counters().pings_answered.load(std::memory_order_relaxed) < pings_) return now() - pinged_;
    return Duration(counters().lag.load(std::memory_order_relaxed));
}

void Worker::end_keep_alive() {
    mailbox_->post([this] { listener_->end_keep_alive(); });
}

void Worker::drain() {
    mailbox_->post([this] {
        upstreams_->drain();
        listener_->drain([this] {
            context_.control.post(
                [&reports = context_.reports, worker = index_] { reports.on_drained(worker); });
        });
    });
}

void Worker::stop() {
    if (!thread_.joinable()) return;
    mailbox_->post([this] { loop_.stop(); });
    thread_.join();
}

// ---- its thread --------------------------------------------------------------------------------

Status Worker::make_listener() {
    auto listener = accept::Listener::open(
        loop_,
        accept::Listener::Callbacks{
            .on_request = [this](http::ClientStream& client) { begin_request(client); },
            .on_connections = [this](std::uint64_t open) { ledger_.count_connections(open); },
            .on_accept_paused =
                [this](const char* reason, int error_number) {
                    std::string text = reason;
                    if (error_number != 0)
                        text += fmt::format(" ({})", std::strerror(error_number));
                    context_.control.post(
                        [&reports = context_.reports, worker = index_, text = std::move(text)] {
                            reports.on_accept_paused(worker, text);
                        });
                },
            .on_accept_resumed =
                [this] {
                    context_.control.post([&reports = context_.reports, worker = index_] {
                        reports.on_accept_resumed(worker);
                    });
                },
            .on_bad_proxy_header =
                [](const Address& peer, const char* reason) {
                    log(Priority::debug, nullptr,
                        fmt::format("closed a connection from {}: bad PROXY header: {}",
                                    peer.text(), reason));
                },
            .on_evicted =
                [this](accept::Waiting waiting) {
                    ledger_.counters().evicted[static_cast<std::size_t>(waiting)].add();
                },
            .on_too_slow = [this] { ledger_.count_slow_client(false); },
            .on_refused = [this] { ledger_.counters().refused.add(); }},
        context_.share, index_);
    if (!listener) return listener.error();
    listener_ = std::move(*listener);
    upstreams_->on_shortage([this] {
        return listener_->make_room(accept::ConnectionShare::descriptor) ==
               accept::Listener::Room::made;
    });
    exchange_context_.emplace(
        ExchangeContext{loop_, *upstreams_, ledger_, workspace_,
                        [this](Exchange& exchange) { exchanges_->give(exchange); }});
    exchanges_.emplace(*exchange_context_);
    context_.share.on_asked(
        index_, [this] { mailbox_->post([this] { listener_->make_room_for_others(); }); });
    return {};
}

void Worker::run() {
    upstreams_->configure();
    configure();
    for (UniqueFd& socket : sockets_) {
        const auto listening = listener_->listen(std::move(socket));
        if (!listening)
            log(Priority::error, nullptr,
                fmt::format("worker {}: {}", index_, listening.error().message));
    }
    sockets_.clear();
    loop_.run();

    listener_->close_all();
    // Connections are freed by finalisers, which need the loop to turn once more.
    event_base_loop(loop_.base(), EVLOOP_NONBLOCK);
    listener_.reset();
    event_base_loop(loop_.base(), EVLOOP_NONBLOCK);
    exchanges_->clear();
    upstreams_->close();
}

void Worker::take_on(std::shared_ptr<const Snapshot> snapshot) {
    if (upstreams_->take_on(std::move(snapshot))) configure();
    exchanges_->candidates_changed();
    upstreams_->queue().serve();
}

/// What follows from the configuration.
void Worker::configure() {
    const Config& config = upstreams_->snapshot()->config;
    listener_->configure(config);
    ledger_.configure(config.access_log);
}

void Worker::begin_request(http::ClientStream& client) {
    exchanges_->take().begin(client);
}

}  // namespace otto
