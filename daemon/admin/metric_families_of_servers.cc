#include "admin/metric_families.h"

namespace otto::admin {

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

void fill_ejections(const Source& from, Metrics& metrics) {
    metrics.reserve(from.members.size());
    each_server(from, [&metrics](const Each& each) {
        set_counter(add_of(metrics, each), each.member.server->metrics->ejections.value());
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
    {"otto_server_healthy", gauge_type, "1 while the server passes its checks.", gauge<healthy>},
    {"otto_server_ejected", gauge_type, "1 while the server is out for its errors.",
     gauge<ejected>},
    {"otto_server_state", gauge_type, "What the configuration wants: 1 for one of the states.",
     fill_state},
    {"otto_server_weight", gauge_type, "The configured weight.", gauge<weight>},
    {"otto_server_share_ratio", gauge_type, "The part of all requests that the server is to get.",
     gauge<share>},
    {"otto_server_active_requests", gauge_type, "Requests under way.", gauge<active>},
    {"otto_server_ejections_total", counter_type, "Times that the server was ejected.",
     fill_ejections},
    {"otto_server_responses_total", counter_type,
     "Responses of the server, by the class of their status.", fill_responses},
    {"otto_server_failures_total", counter_type,
     "Attempts at the server without a response that could be used, by reason; a reason appears "
     "with its first.",
     by_failure<&ServerTotals::failed>},
    {"otto_server_retries_total", counter_type,
     "Attempts at the server, those on a connection that had been closed meanwhile included, that "
     "were followed by another attempt, by reason; a reason appears with its first.",
     by_failure<&ServerTotals::retried>},
    {"otto_server_responses_cut_total", counter_type, "Responses that the server broke off.",
     total<&ServerTotals::cut>},
    {"otto_server_requests_aborted_total", counter_type,
     "Requests whose client went away while the server was asked.", total<&ServerTotals::aborted>},
    {"otto_server_connections_opened_total", counter_type, "Connections opened to the server.",
     total<&ServerTotals::connections>},
    {"otto_server_sent_bytes_total", counter_type, "Bytes sent to the server, heads included.",
     total<&ServerTotals::sent>},
    {"otto_server_received_bytes_total", counter_type,
     "Bytes received from the server, heads included.", total<&ServerTotals::received>},
    {"otto_server_response_head_seconds", histogram_type,
     "From the begin of an attempt at the server to its response's head; without event streams. "
     "A server that was never asked has none.",
     histogram<&ServerTotals::head>},
    {"otto_server_request_duration_seconds", histogram_type,
     "From a request's head to the end of its reply, by the server that gave it; without event "
     "streams, tunnels, and those that did not get to their end. A server that was never asked has "
     "none.",
     histogram<&ServerTotals::total>},
};

}  // namespace

std::span<const FamilyRow> families_of_servers() {
    return rows;
}

}  // namespace otto::admin
