#include "proxy/ledger.h"

#include <utility>

#include <fmt/format.h>

#include "log/journal.h"

namespace otto {

namespace {

/// Records of failed requests in a second, by one worker; more are counted.
constexpr unsigned failures_per_second = 10;

}  // namespace

Ledger::Ledger(const Loop& loop, accesslog::Queue& access_log, unsigned index, unsigned workers)
    : index_(index), workers_(workers), access_writer_(loop, access_log, index) {}

void Ledger::count_connections(std::uint64_t open) {
    const auto before = counters_.connections.load(std::memory_order_relaxed);
    if (open > before) counters_.accepted.add(open - before);
    counters_.connections.store(open, std::memory_order_relaxed);
    if (open > counters_.most_connections.load(std::memory_order_relaxed))
        counters_.most_connections.store(open, std::memory_order_relaxed);
}

void Ledger::ended(const Server* last, const accesslog::Ended& ended) {
    if (access_writer_.enabled()) access_writer_.write(ended);
    const observe::Trace& trace = ended.trace;
    switch (trace.end) {
        case observe::Trace::End::complete:
            break;
        case observe::Trace::End::aborted:
            add(counters_.aborted);
            if (last != nullptr) of(*last).aborted.add();
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
    if (trace.own == observe::OwnReply::none) of(*last).total.observe(total);
}

void Ledger::log_failure(std::string_view request_id, std::string_view server, unsigned status,
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

}  // namespace otto
