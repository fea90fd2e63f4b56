#include "admin/metric_families.h"

#include <cmath>

namespace otto::admin {

namespace {

using prometheus::MetricType;

double unix_time(Readings::WallTime time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

void add_gauge(Metrics& metrics, double value) {
    set_gauge(add(metrics), value);
}

void add_counter(Metrics& metrics, std::uint64_t value) {
    set_counter(add(metrics), value);
}

// Rows with more than one metric.

void fill_build(const Source& from, Metrics& metrics) {
    set_gauge(add(metrics, "version", from.readings.version), 1);
}

void fill_reloads(const Source& from, Metrics& metrics) {
    set_counter(add(metrics, "result", "success"), from.readings.reloads_done);
    set_counter(add(metrics, "result", "failure"), from.readings.reloads_failed);
}

void fill_responses(const Source& from, Metrics& metrics) {
    for (std::size_t digit = 1; digit < from.readings.totals.replies.size(); ++digit)
        set_counter(add(metrics, "code", code_class(digit)), from.readings.totals.replies[digit]);
}

void fill_own_replies(const Source& from, Metrics& metrics) {
    for (std::size_t kind = 1; kind < own_replies; ++kind)
        set_counter(add(metrics, "reason", to_string(static_cast<OwnReply>(kind))),
                    from.readings.totals.own[kind]);
}

void fill_evicted(const Source& from, Metrics& metrics) {
    constexpr const char* waits[] = {"first-byte", "rest-of-head", "next-request"};
    for (std::size_t at = 0; at < from.readings.totals.evicted.size(); ++at)
        set_counter(add(metrics, "waited_for", waits[at]), from.readings.totals.evicted[at]);
}

void fill_slow_clients(const Source& from, Metrics& metrics) {
    set_counter(add(metrics, "direction", "request"), from.readings.totals.slow_senders);
    set_counter(add(metrics, "direction", "reply"), from.readings.totals.slow_readers);
}

void fill_lost_records(const Source& from, Metrics& metrics) {
    set_counter(add(metrics, "log", "access"), from.readings.access_log_dropped);
    set_counter(add(metrics, "log", "journal"), from.readings.journal_dropped);
}

void fill_lag(const Source& from, Metrics& metrics) {
    if (from.readings.watchdog_lag) add_gauge(metrics, in_seconds(*from.readings.watchdog_lag));
}

void fill_most_files(const Source& from, Metrics& metrics) {
    const std::uint64_t most = from.process.most_files;
    add_gauge(metrics, most == 0 ? INFINITY : static_cast<double>(most));
}

// Rows with one metric.

template <auto Member>
void gauge(const Source& from, Metrics& metrics) {
    add_gauge(metrics, static_cast<double>(from.readings.*Member));
}

template <auto Member>
void total(const Source& from, Metrics& metrics) {
    add_counter(metrics, from.readings.totals.*Member);
}

template <auto Member>
void total_gauge(const Source& from, Metrics& metrics) {
    add_gauge(metrics, static_cast<double>(from.readings.totals.*Member));
}

template <auto Member>
void process_gauge(const Source& from, Metrics& metrics) {
    add_gauge(metrics, static_cast<double>(from.process.*Member));
}

constexpr auto counter_type = MetricType::Counter;
constexpr auto gauge_type = MetricType::Gauge;

constexpr FamilyRow rows[] = {
    {"otto_build_info", gauge_type, "1; the version stands in the label.", fill_build},
    {"otto_ready", gauge_type, "1 while requests would find a server.", gauge<&Readings::ready>},
    {"otto_failing_open", gauge_type,
     "1 while no server is in, so that requests go to those that might answer all the same.",
     gauge<&Readings::failing_open>},
    {"otto_draining", gauge_type, "1 once Otto was told to stop.", gauge<&Readings::draining>},
    {"otto_workers", gauge_type, "Threads that serve connections.", gauge<&Readings::workers>},
    {"otto_watchdog_lag_seconds", gauge_type,
     "Longest time that a worker took to answer the last ping, or has been taking by now; only "
     "with "
     "a watchdog.",
     fill_lag},
    {"otto_config_generation", gauge_type, "Configurations put into force so far.",
     [](const Source& from, Metrics& metrics) {
         add_gauge(metrics, static_cast<double>(from.readings.snapshot->generation));
     }},
    {"otto_config_changed", gauge_type, "1 while changes made at run time lie over the file.",
     gauge<&Readings::changed>},
    {"otto_config_reloads_total", counter_type, "Reloads of the file, by result.", fill_reloads},
    {"otto_config_last_reload_successful", gauge_type,
     "1 when the file was good the last time that it was read.",
     [](const Source& from, Metrics& metrics) {
         add_gauge(metrics, from.readings.reload_failed ? 0 : 1);
     }},
    {"otto_config_last_load_timestamp_seconds", gauge_type,
     "When the file was read and found good for the last time, in Unix time; 0: never.",
     [](const Source& from, Metrics& metrics) {
         add_gauge(metrics, unix_time(from.readings.last_load));
     }},
    {"otto_client_connections", gauge_type, "Open connections of clients.",
     total_gauge<&Totals::connections>},
    {"otto_client_connections_accepted_total", counter_type, "Connections of clients so far.",
     total<&Totals::accepted>},
    {"otto_client_connections_evicted_total", counter_type,
     "Connections closed to make room for others, by what they waited for.", fill_evicted},
    {"otto_client_connections_refused_total", counter_type,
     "Connections closed because their client had limits.connectionsPerClient.",
     total<&Totals::refused>},
    {"otto_slow_clients_total", counter_type,
     "Clients below timeouts.minimumRate that were answered with 408 or cut off, by what was slow.",
     fill_slow_clients},
    {"otto_requests_total", counter_type, "Requests that have come in.", total<&Totals::requests>},
    {"otto_responses_total", counter_type,
     "Replies to clients, Otto's own included, by the class of their status.", fill_responses},
    {"otto_own_replies_total", counter_type,
     "Replies that Otto gave in place of a server, by reason.", fill_own_replies},
    {"otto_requests_aborted_total", counter_type,
     "Requests whose client went away before the end of the reply.", total<&Totals::aborted>},
    {"otto_responses_cut_total", counter_type, "Replies that broke off in their middle.",
     total<&Totals::cut>},
    {"otto_request_body_bytes_total", counter_type, "Bytes of requests' bodies.",
     total<&Totals::received>},
    {"otto_response_body_bytes_total", counter_type,
     "Bytes of replies' bodies, Otto's own included, and of tunnels.", total<&Totals::relayed>},
    {"otto_request_duration_seconds", MetricType::Histogram,
     "From a request's head to the end of its reply; without event streams, tunnels, and those "
     "that did not get to their end.",
     [](const Source& from, Metrics& metrics) {
         set_histogram(add(metrics), from.readings.totals.total);
     }},
    {"otto_retries_total", counter_type, "Attempts beyond the first of a request.",
     total<&Totals::retries>},
    {"otto_retries_denied_total", counter_type,
     "Attempts beyond the first that the budget did not allow.", total<&Totals::retries_denied>},
    {"otto_queue_length", gauge_type, "Requests that wait for a place at a server.",
     total_gauge<&Totals::queued>},
    {"otto_queue_timeouts_total", counter_type, "Requests that waited for a place for too long.",
     total<&Totals::queue_timeouts>},
    {"otto_queue_overflows_total", counter_type, "Requests that found the queue full.",
     total<&Totals::queue_overflows>},
    {"otto_log_records_dropped_total", counter_type,
     "Records lost since they could not be written fast enough, by log.", fill_lost_records},
    {"otto_admin_requests_total", counter_type, "Requests to the admin API.",
     [](const Source& from, Metrics& metrics) {
         add_counter(metrics, from.readings.admin_requests);
     }},
    {"process_start_time_seconds", gauge_type, "When the process began, in Unix time.",
     [](const Source& from, Metrics& metrics) {
         add_gauge(metrics, unix_time(from.readings.started));
     }},
    {"process_cpu_seconds_total", counter_type, "CPU time, of user and system.",
     [](const Source& from, Metrics& metrics) {
         add(metrics).counter.value = in_seconds(from.process.cpu);
     }},
    {"process_resident_memory_bytes", gauge_type, "Memory in use.",
     process_gauge<&ProcessUse::resident>},
    {"process_virtual_memory_bytes", gauge_type, "Address space in use.",
     process_gauge<&ProcessUse::virtual_size>},
    {"process_threads", gauge_type, "Threads.", process_gauge<&ProcessUse::threads>},
    {"process_open_fds", gauge_type, "Open file descriptors.",
     process_gauge<&ProcessUse::open_files>},
    {"process_max_fds", gauge_type, "File descriptors that may be open.", fill_most_files},
};

}  // namespace

std::span<const FamilyRow> families_in_all() {
    return rows;
}

}  // namespace otto::admin
