#include "proxy/worker.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <time.h>

#include "base/thread.h"
#include "http/forwarding.h"
#include "log/journal.h"
#include "proxy/exchange.h"

namespace otto {

namespace {

/// The most that one read takes from a server.
constexpr std::size_t scratch_size = 64 * 1024;
/// Connect failures in a row, other than refusals, that take a server out.
constexpr unsigned connect_failures_allowed = 3;
/// Records of failed requests in a second, by one worker; more are counted.
constexpr unsigned failures_per_second = 10;
/// Spare buffers that are kept: of all and of one.
constexpr std::size_t most_buffer_bytes = 4 * 1024 * 1024;
constexpr std::size_t largest_buffer = 64 * 1024;

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

Result<std::unique_ptr<Worker>> Worker::open(const WorkerContext& context, unsigned index,
                                             std::vector<UniqueFd> sockets,
                                             std::shared_ptr<const Snapshot> snapshot) {
    auto loop = Loop::open();
    if (!loop) return loop.error();
    std::unique_ptr<Worker> worker(
        new Worker(context, index, std::move(*loop), std::move(snapshot)));
    auto mailbox = Mailbox::open(worker->loop_);
    if (!mailbox) return mailbox.error();
    worker->mailbox_ = std::move(*mailbox);
    worker->sockets_ = std::move(sockets);
    const Status front = worker->make_front();
    if (!front) return front.error();
    return worker;
}

Worker::Worker(const WorkerContext& context, unsigned index, Loop loop,
               std::shared_ptr<const Snapshot> snapshot)
    : context_(context),
      index_(index),
      loop_(std::move(loop)),
      snapshot_(counted_apart(std::move(snapshot), context.control)),
      picker_(make_picker()),
      queue_(
          loop_, context.queue, index,
          [this](std::size_t length) { counters_.queued.store(length, std::memory_order_relaxed); },
          [this](QueueShare::Call call) { mailbox_->post(std::move(call)); }),
      sticky_(context.sticky_key),
      access_writer_(loop_, context.access_log, index),
      spare_exchanges_(loop_, SIZE_MAX),
      scratch_(scratch_size),
      buffers_(loop_, most_buffer_bytes) {}

Worker::~Worker() {
    context_.share.on_asked(index_, nullptr);
    if (connection_line_) context_.connections.remove(*connection_line_);
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
        counters_.applied.fetch_add(1, std::memory_order_release);
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
        counters_.lag.store(std::chrono::nanoseconds(now() - sent).count(),
                            std::memory_order_relaxed);
        add(counters_.pings_answered);
    });
}

Duration Worker::lag() const {
    if (counters_.pings_answered.load(std::memory_order_relaxed) < pings_) return now() - pinged_;
    return Duration(counters_.lag.load(std::memory_order_relaxed));
}

void Worker::end_keep_alive() {
    mailbox_->post([this] { front_->end_keep_alive(); });
}

void Worker::drain() {
    mailbox_->post([this] {
        draining_ = true;
        pool_->clear();
        front_->drain([this] {
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

Status Worker::make_front() {
    pool_ = std::make_unique<UpstreamPool>(loop_);
    connection_line_ = context_.connections.add(
        {.close_idle =
             [this](std::uint64_t server) {
                 mailbox_->post([this, server] { pool_->close_idle(server); });
             },
         .freed =
             [this] {
                 mailbox_->post([this] {
                     context_.connections.looks(*connection_line_);
                     pool_->place_freed();
                 });
             }});
    auto front = http::Front::open(
        loop_,
        http::Front::Callbacks{
            .on_request = [this](http::ClientStream& client) { begin_request(client); },
            .on_connections =
                [this](std::uint64_t open) {
                    const auto before = counters_.connections.load(std::memory_order_relaxed);
                    if (open > before) counters_.accepted.add(open - before);
                    counters_.connections.store(open, std::memory_order_relaxed);
                    if (open > counters_.most_connections.load(std::memory_order_relaxed))
                        counters_.most_connections.store(open, std::memory_order_relaxed);
                },
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
                [this](http::Waiting waiting) {
                    counters_.evicted[static_cast<std::size_t>(waiting)].add();
                },
            .on_too_slow = [this] { count_slow_client(false); },
            .on_refused = [this] { counters_.refused.add(); }},
        context_.share, index_);
    if (!front) return front.error();
    front_ = std::move(*front);
    context_.share.on_asked(index_,
                            [this] { mailbox_->post([this] { front_->make_room_for_others(); }); });
    return {};
}

void Worker::run() {
    configure();
    for (UniqueFd& socket : sockets_) {
        const auto listening = front_->listen(std::move(socket));
        if (!listening)
            log(Priority::error, nullptr,
                fmt::format("worker {}: {}", index_, listening.error().message));
    }
    sockets_.clear();
    loop_.run();

    front_->close_all();
    // Connections are freed by finalisers, which need the loop to turn once more.
    event_base_loop(loop_.base(), EVLOOP_NONBLOCK);
    front_.reset();
    event_base_loop(loop_.base(), EVLOOP_NONBLOCK);
    exchanges_.clear();
    spare_exchanges_.clear();
    pool_.reset();
}

Picker Worker::make_picker() const {
    return Picker(pin_candidates({}), index_, context_.workers);
}

void Worker::take_on(std::shared_ptr<const Snapshot> snapshot) {
    const bool configured = !same_servers(*snapshot, *snapshot_);
    const bool others = &snapshot->candidates() != &snapshot_->candidates();
    snapshot_ = counted_apart(std::move(snapshot), context_.control);
    if (configured) {
        pool_->keep_only(*snapshot_->servers);
        configure();
    }
    if (others) picker_ = make_picker();
    // Backwards, since recycle() puts the last one where one ends.
    for (std::size_t at = exchanges_.size(); at > 0; --at)
        if (at <= exchanges_.size()) exchanges_[at - 1]->candidates_changed();
    queue_.serve();
}

/// What follows from the snapshot.
void Worker::configure() {
    const Config& config = snapshot_->config;
    pool_->configure(config.timeouts.server_idle);
    front_->configure(config);
    queue_.configure(std::ranges::any_of(
        snapshot_->members(), [](const Member& each) { return each.max_connections != 0; }));
    sticky_.configure(config.sticky, snapshot_->members());
    access_writer_.configure(config.access_log);
    retry_budget_.configure(
        config.retries.budget_percent,
        static_cast<double>(config.retries.budget_min_per_second) / context_.workers);
}

void Worker::begin_request(http::ClientStream& client) {
    auto spare = spare_exchanges_.take();
    exchanges_.push_back(spare ? std::move(*spare) : std::make_unique<Exchange>(*this));
    Exchange& exchange = *exchanges_.back();
    exchange.set_place(exchanges_.size() - 1);
    exchange.begin(client);
}

void Worker::recycle(Exchange& exchange) {
    const std::size_t place = exchange.place();
    std::swap(exchanges_[place], exchanges_.back());
    exchanges_[place]->set_place(place);
    // None is destroyed here, where it may be running.
    spare_exchanges_.give(std::move(exchanges_.back()), sizeof(Exchange));
    exchanges_.pop_back();
}

void Worker::ended(const Server* last, const accesslog::Ended& ended) {
    if (access_writer_.enabled()) access_writer_.write(ended);
    const observe::Trace& trace = ended.trace;
    switch (trace.end) {
        case observe::Trace::End::complete:
            break;
        case observe::Trace::End::aborted:
            add(counters_.aborted);
            if (last != nullptr) counters_of(*last).aborted.add();
            break;
        case observe::Trace::End::cut:
        case observe::Trace::End::too_slow:
            add(counters_.cut);
            break;
    }
    if (trace.status != 0) add(counters_.replies[observe::reply_class(trace.status)]);
    counters_.own[static_cast<std::size_t>(trace.own)].add();
    counters_.received.add(trace.received);
    counters_.relayed.add(trace.relayed);
    if (trace.end != observe::Trace::End::complete || trace.stream || trace.tunnel) return;
    const Duration total = trace.ended - trace.begun;
    counters_.total.observe(total);
    if (trace.own == observe::OwnReply::none) counters_of(*last).total.observe(total);
}

void Worker::server_failed(Server& server, Failure failure, std::string_view detail) {
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

void Worker::server_erred(Server& server) {
    const std::uint32_t count = server.note_error();
    const unsigned most = snapshot_->config.ejection.consecutive_errors;
    if (most == 0 || count % most != 0) return;
    context_.control.post(
        [&reports = context_.reports, id = server.id, count] { reports.on_errors(id, count); });
}

void Worker::server_answered(const Server& server) {
    if (server.health() != Health::unhealthy) return;
    context_.control.post(
        [&reports = context_.reports, id = server.id] { reports.on_answered(id); });
}

void Worker::report_trial(const Server& server, bool passed) {
    context_.control.post(
        [&reports = context_.reports, id = server.id, passed] { reports.on_trial(id, passed); });
}

void Worker::log_failure(std::string_view request_id, std::string_view server, unsigned status,
                         const std::string& text) {
    const TimePoint time = coarse_now();
    if (time - failures_from_ >= std::chrono::seconds(1)) {
        failures_from_ = time;
        failures_logged_ = 0;
    }
    if (++failures_logged_ > failures_per_second) {
        ++failures_left_out_;
        return;
    }
    const std::uint64_t left_out = std::exchange(failures_left_out_, 0);
    const std::string more =
        left_out == 0 ? "" : fmt::format("; {} more before this one were not logged", left_out);
    log(Priority::warning, &messages::request_failed,
        fmt::format("{} [{}]{}", text, request_id, more),
        {{"REQUEST_ID", std::string(request_id)},
         {"SERVER", std::string(server)},
         {"STATUS", std::to_string(status)},
         {"LEFT_OUT", std::to_string(left_out)}});
}

long long Worker::retry_after() const {
    return std::max<long long>(
        1,
        std::chrono::ceil<std::chrono::seconds>(snapshot_->config.health_check.interval).count());
}

std::string_view Worker::date() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != date_second_) {
        date_second_ = now.tv_sec;
        date_.clear();
        http::append_imf_fixdate(date_, now.tv_sec);
    }
    return date_;
}

std::string Worker::take_buffer() {
    auto buffer = buffers_.take();
    return buffer ? std::move(*buffer) : std::string();
}

void Worker::give_buffer(std::string buffer) {
    const bool small = buffer.capacity() <= std::string().capacity();  // holds no memory
    if (small || buffer.capacity() > largest_buffer) return;
    buffer.clear();
    const std::size_t bytes = buffer.capacity();
    buffers_.give(std::move(buffer), bytes);
}

}  // namespace otto
