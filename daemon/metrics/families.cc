#include "metrics/families.h"

#include <cmath>

namespace otto::metrics {

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
    for (std::size_t kind = 1; kind < observe::own_replies; ++kind)
        set_counter(add(metrics, "reason", to_string(static_cast<observe::OwnReply>(kind))),
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
    {"otto_build_info", gauge_type, "Always 1; the label has the version.", fill_build},
    {"otto_ready", gauge_type, "1 while there is a healthy server for requests.",
     gauge<&Readings::ready>},
    {"otto_failing_open", gauge_type,
     "1 while no server is healthy and requests go to unhealthy or ejected servers (panic mode).",
     gauge<&Readings::failing_open>},
    {"otto_draining", gauge_type, "1 once Otto has been asked to stop.",
     gauge<&Readings::draining>},
    {"otto_workers", gauge_type, "Number of threads that serve connections.",
     gauge<&Readings::workers>},
    {"otto_watchdog_lag_seconds", gauge_type,
     "Longest time that a worker took to answer the last watchdog ping, or has been taking so far; "
     "only with a watchdog.",
     fill_lag},
    {"otto_config_generation", gauge_type, "Number of configurations that have been activated.",
     [](const Source& from, Metrics& metrics) {
         add_gauge(metrics, static_cast<double>(from.readings.snapshot->generation));
     }},
    {"otto_config_changed", gauge_type, "1 while changes made at run time override the file.",
     gauge<&Readings::changed>},
    {"otto_config_reloads_total", counter_type, "Reloads of the file, by result.", fill_reloads},
    {"otto_config_last_reload_successful", gauge_type,
     "1 if the file was valid when it was last read.",
     [](const Source& from, Metrics& metrics) {
         add_gauge(metrics, from.readings.reload_failed ? 0 : 1);
     }},
    {"otto_config_last_load_timestamp_seconds", gauge_type,
     "Time when a valid file was last read, in Unix time; 0 if there has been none.",
     [](const Source& from, Metrics& metrics) {
         add_gauge(metrics, unix_time(from.readings.last_load));
     }},
    {"otto_client_connections", gauge_type, "Open client connections.",
     total_gauge<&Totals::connections>},
    {"otto_client_connections_accepted_total", counter_type, "Client connections accepted.",
     total<&Totals::accepted>},
    {"otto_client_connections_evicted_total", counter_type,
     "Client connections closed to make room for others, by what they waited for.", fill_evicted},
    {"otto_client_connections_refused_total", counter_type,
     "Client connections closed because the client had reached limits.connectionsPerClient.",
     total<&Totals::refused>},
    {"otto_slow_clients_total", counter_type,
     "Clients below timeouts.minimumRate that were answered with 408 or disconnected, by the "
     "direction that was slow.",
     fill_slow_clients},
    {"otto_requests_total", counter_type, "Requests received.", total<&Totals::requests>},
    {"otto_responses_total", counter_type,
     "Responses to clients, Otto's own included, by status class.", fill_responses},
    {"otto_own_replies_total", counter_type,
     "Responses generated by Otto instead of a server, by reason.", fill_own_replies},
    {"otto_requests_aborted_total", counter_type,
     "Requests whose client disconnected before the end of the response.", total<&Totals::aborted>},
    {"otto_responses_cut_total", counter_type, "Responses that were truncated.",
     total<&Totals::cut>},
    {"otto_request_body_bytes_total", counter_type, "Bytes of request bodies.",
     total<&Totals::received>},
    {"otto_response_body_bytes_total", counter_type,
     "Bytes of response bodies, Otto's own included, and of tunnels.", total<&Totals::relayed>},
    {"otto_request_duration_seconds", MetricType::Histogram,
     "Time from the end of the request header to the end of the response; event streams, tunnels "
     "and incomplete responses are not counted.",
     [](const Source& from, Metrics& metrics) {
         set_histogram(add(metrics), from.readings.totals.total);
     }},
    {"otto_retries_total", counter_type, "Attempts beyond the first one of a request.",
     total<&Totals::retries>},
    {"otto_retries_denied_total", counter_type, "Retries that the retry budget did not allow.",
     total<&Totals::retries_denied>},
    {"otto_queue_length", gauge_type, "Requests waiting for a server below its maxConnections.",
     total_gauge<&Totals::queued>},
    {"otto_queue_timeouts_total", counter_type, "Requests that waited too long in the queue.",
     total<&Totals::queue_timeouts>},
    {"otto_queue_overflows_total", counter_type, "Requests rejected because the queue was full.",
     total<&Totals::queue_overflows>},
    {"otto_log_records_dropped_total", counter_type,
     "Log records lost because they could not be written fast enough, by log.", fill_lost_records},
    {"otto_admin_connections_evicted_total", counter_type,
     "Connections to the admin API that were closed to make room.",
     [](const Source& from, Metrics& metrics) {
         add_counter(metrics, from.readings.admin_evicted);
     }},
    {"otto_admin_requests_total", counter_type, "Requests to the admin API.",
     [](const Source& from, Metrics& metrics) {
         add_counter(metrics, from.readings.admin_requests);
     }},
    {"process_start_time_seconds", gauge_type, "Start time of the process, in Unix time.",
     [](const Source& from, Metrics& metrics) {
         add_gauge(metrics, unix_time(from.readings.started));
     }},
    {"process_cpu_seconds_total", counter_type, "User and system CPU time.",
     [](const Source& from, Metrics& metrics) {
         add(metrics).counter.value = in_seconds(from.process.cpu);
     }},
    {"process_resident_memory_bytes", gauge_type, "Resident memory.",
     process_gauge<&ProcessUse::resident>},
    {"process_virtual_memory_bytes", gauge_type, "Virtual memory.",
     process_gauge<&ProcessUse::virtual_size>},
    {"process_threads", gauge_type, "Threads.", process_gauge<&ProcessUse::threads>},
    {"process_open_fds", gauge_type, "Open file descriptors.",
     process_gauge<&ProcessUse::open_files>},
    {"process_max_fds", gauge_type, "Limit on open file descriptors.", fill_most_files},
};

}  // namespace

std::span<const FamilyRow> families_in_all() {
    return rows;
}

}  // namespace otto::metrics
