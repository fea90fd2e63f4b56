#include "metrics/families.h"

namespace otto::metrics {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

/// A server as a row sees it.
struct Each {
    const Member& member;
    const Readings::Standing& standing;
    const ServerTotals& totals;
};

/// Calls `row` for each server.
template <typename Row>
void each_server(const Source& from, const Row& row) {
    for (std::size_t at = 0; at < from.members.size(); ++at)
        row(Each{from.members[at], from.standings[at], from.totals[at]});
}

ClientMetric& add_of(Metrics& metrics, const Each& each) {
    return add(metrics, "server", each.member.name);
}

ClientMetric& add_of(Metrics& metrics, const Each& each, const char* label, const char* value) {
    ClientMetric& metric = metrics.emplace_back();
    metric.label.reserve(2);
    metric.label.push_back({"server", each.member.name});
    metric.label.push_back({label, value});
    return metric;
}

template <auto Value>
void gauge(const Source& from, Metrics& metrics) {
    metrics.reserve(from.members.size());
    each_server(from, [&metrics](const Each& each) {
        set_gauge(add_of(metrics, each), static_cast<double>(Value(each)));
    });
}

template <auto Member>
void total(const Source& from, Metrics& metrics) {
    metrics.reserve(from.members.size());
    each_server(from, [&metrics](const Each& each) {
        set_counter(add_of(metrics, each), each.totals.*Member);
    });
}

// What can only be zero yet is left out of the rest: with many servers, that is most of the page.

template <auto Member>
void by_failure(const Source& from, Metrics& metrics) {
    each_server(from, [&metrics](const Each& each) {
        for (std::size_t kind = 0; kind < failure_kinds; ++kind)
            if ((each.totals.*Member)[kind] != 0)
                set_counter(add_of(metrics, each, "reason", label_of(static_cast<Failure>(kind))),
                            (each.totals.*Member)[kind]);
    });
}

void fill_over_limits(const Source& from, Metrics& metrics) {
    each_server(from, [&metrics](const Each& each) {
        const auto add_limit = [&](const char* limit, std::uint64_t count) {
            if (count != 0) set_counter(add_of(metrics, each, "limit", limit), count);
        };
        add_limit("responseHeaderBytes", each.totals.over_header_bytes);
        add_limit("responseHeaderCount", each.totals.over_header_count);
    });
}

template <auto Member>
void histogram(const Source& from, Metrics& metrics) {
    metrics.reserve(from.members.size());
    each_server(from, [&metrics](const Each& each) {
        if (each.totals.used) set_histogram(add_of(metrics, each), each.totals.*Member);
    });
}

void fill_state(const Source& from, Metrics& metrics) {
    metrics.reserve(from.members.size() * 3);
    each_server(from, [&metrics](const Each& each) {
        const auto add_state = [&](ServerState state, const char* name) {
            set_gauge(add_of(metrics, each, "state", name), each.member.state == state ? 1 : 0);
        };
        add_state(ServerState::active, "active");
        add_state(ServerState::drain, "drain");
        add_state(ServerState::disabled, "disabled");
    });
}

void fill_responses(const Source& from, Metrics& metrics) {
    metrics.reserve(from.members.size() * 5);
    each_server(from, [&metrics](const Each& each) {
        for (std::size_t digit = 1; digit < each.totals.replies.size(); ++digit)
            set_counter(add_of(metrics, each, "code", code_class(digit)),
                        each.totals.replies[digit]);
    });
}

template <observe::Counter ServerMetrics::*Member>
void fill_ejections(const Source& from, Metrics& metrics) {
    metrics.reserve(from.members.size());
    each_server(from, [&metrics](const Each& each) {
        set_counter(add_of(metrics, each), (each.member.server->metrics.get()->*Member).value());
    });
}

bool healthy(const Each& each) {
    return each.member.server->health() == Health::healthy;
}
bool ejected(const Each& each) {
    return each.standing.ejected;
}
unsigned weight(const Each& each) {
    return each.member.weight;
}
double share(const Each& each) {
    return each.standing.share;
}
std::uint32_t active(const Each& each) {
    return each.member.server->active();
}

constexpr auto counter_type = MetricType::Counter;
constexpr auto gauge_type = MetricType::Gauge;
constexpr auto histogram_type = MetricType::Histogram;

constexpr FamilyRow rows[] = {
    {"otto_server_healthy", gauge_type, "1 while the server passes its health checks.",
     gauge<healthy>},
    {"otto_server_ejected", gauge_type, "1 while the server is ejected because of its errors.",
     gauge<ejected>},
    {"otto_server_state", gauge_type,
     "The configured state: 1 for one of the states, 0 for the others.", fill_state},
    {"otto_server_weight", gauge_type, "The configured weight.", gauge<weight>},
    {"otto_server_share_ratio", gauge_type,
     "The share of all requests that the server is meant to receive.", gauge<share>},
    {"otto_server_active_requests", gauge_type, "Requests in progress.", gauge<active>},
    {"otto_server_ejections_total", counter_type, "Times that the server has been ejected.",
     fill_ejections<&ServerMetrics::ejections>},
    {"otto_server_ejections_denied_total", counter_type,
     "Times that the server was not ejected in spite of its errors, because ejection.maxPercent "
     "did "
     "not allow it or no other server was left.",
     fill_ejections<&ServerMetrics::ejections_denied>},
    {"otto_server_responses_total", counter_type, "Responses of the server, by status class.",
     fill_responses},
    {"otto_server_failures_total", counter_type,
     "Attempts on the server that got no usable response, by reason; a reason appears when it "
     "first occurs.",
     by_failure<&ServerTotals::failed>},
    {"otto_server_retries_total", counter_type,
     "Attempts on the server that were followed by another attempt, by reason; a reason appears "
     "when it first occurs. Attempts on a connection that the server had just closed are included.",
     by_failure<&ServerTotals::retried>},
    {"otto_server_responses_cut_total", counter_type, "Responses that the server truncated.",
     total<&ServerTotals::cut>},
    {"otto_server_responses_over_limit_total", counter_type,
     "Responses of the server that were rejected or truncated because their header, interim "
     "responses or trailers exceed a limit, by limit; a limit appears when it is first exceeded.",
     fill_over_limits},
    {"otto_server_requests_aborted_total", counter_type,
     "Requests whose client disconnected while the server was handling them.",
     total<&ServerTotals::aborted>},
    {"otto_server_connections_opened_total", counter_type, "Connections opened to the server.",
     total<&ServerTotals::connections>},
    {"otto_server_sent_bytes_total", counter_type, "Bytes sent to the server, headers included.",
     total<&ServerTotals::sent>},
    {"otto_server_received_bytes_total", counter_type,
     "Bytes received from the server, headers included.", total<&ServerTotals::received>},
    {"otto_server_response_head_seconds", histogram_type,
     "Time from the start of an attempt to the response header, event streams excluded. Absent for "
     "a server that has never received a request.",
     histogram<&ServerTotals::head>},
    {"otto_server_request_duration_seconds", histogram_type,
     "Time from the end of the request header to the end of the response, by the server that sent "
     "it; event streams, tunnels and incomplete responses are not counted. Absent for a server "
     "that has never received a request.",
     histogram<&ServerTotals::total>},
};

}  // namespace

std::span<const FamilyRow> families_of_servers() {
    return rows;
}

}  // namespace otto::metrics
