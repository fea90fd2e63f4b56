#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "balance/policy.h"
#include "balance/server_state.h"
#include "base/address.h"
#include "base/time.h"

namespace otto {

using namespace std::chrono_literals;

/// One `servers[]` entry, or what a plain URL string stands for.
struct ServerConfig {
    std::string url;          // normalised: lower-case host, explicit port, no trailing slash
    std::string host;         // name or literal address, without brackets; empty for UNIX sockets
    std::uint16_t port = 0;   // 0 for UNIX sockets
    std::string socket_path;  // `unix:` servers only
    std::string base_path;    // "" or "/prefix" without a trailing slash
    unsigned weight = 1;      // 0 to 1000; 0 takes no new requests
    std::string name;         // as shown to people; defaults to the URL
    bool backup = false;      // used only when no other server is left
    unsigned max_connections = 0;  // requests under way at once; 0: no limit
    bool expand = false;           // each address of the name is a server of its own
    ServerState state = ServerState::active;

    bool operator==(const ServerConfig&) const = default;
};

/// One address to listen on, of `port`. An empty host is every IPv4 and IPv6 address.
struct ListenConfig {
    std::string host;        // "" or a literal address, without brackets
    std::uint16_t port = 0;  // 0 to 65535; 0 lets the kernel choose
    std::string text;        // as configured

    bool operator==(const ListenConfig&) const = default;
};

struct HealthCheckConfig {
    enum class Type : std::uint8_t { http, tcp, off };
    Type type = Type::http;
    std::string path = "/";
    std::string host;  // the Host field; "" is the server's own
    std::string method = "GET";
    unsigned status_min = 100;  // passes when status_min <= status <= status_max
    unsigned status_max = 499;
    Duration interval = 5s;       // `healthCheckInterval`
    Duration down_interval = 1s;  // of servers that are not healthy, if that is less
    Duration timeout = 2s;
    unsigned healthy_after = 2;    // consecutive passes that bring a server back
    unsigned unhealthy_after = 3;  // consecutive failures that take one out
    bool start_healthy = false;

    bool operator==(const HealthCheckConfig&) const = default;
};

struct TimeoutsConfig {
    Duration connect = 4s;          // to a server
    Duration request_header = 10s;  // from a request's first byte to the end of its head
    Duration response = 60s;        // from the request's end to the end of the response's head
    Duration progress = 60s;        // between bytes of a body, either way
    Bytes minimum_rate = 240;       // of a client, in bytes a second over 30 s; 0: none
    Duration tunnel = 1h;           // the same, for event streams and upgraded connections
    Duration client_idle = 60s;     // between requests on a client's connection
    Duration server_idle = 4s;      // an unused connection to a server
    Duration drain = 30s;           // for requests under way when Otto stops

    bool operator==(const TimeoutsConfig&) const = default;
};

/// How often a request is tried, and how much retries may add to the load of the servers.
struct RetriesConfig {
    unsigned attempts = 2;                // 1 to 10, in total; refused tries do not count
    unsigned budget_percent = 20;         // 0 to 100; retries per hundred requests
    unsigned budget_min_per_second = 10;  // 0 to 100,000; retries beside the percentage

    bool operator==(const RetriesConfig&) const = default;
};

/// When a server that answers with errors is taken out for a while.
struct EjectionConfig {
    unsigned consecutive_errors = 5;                // 0: never
    std::vector<unsigned> statuses{502, 503, 504};  // that count as errors, 500 to 599
    Duration base = 30s;                            // doubles with each ejection in a row
    Duration max = 5min;
    unsigned max_percent = 50;  // of the servers at once, 0 to 100; one always may be

    bool operator==(const EjectionConfig&) const = default;
};

/// Requests that wait while all servers are at their maxConnections.
struct QueueConfig {
    unsigned length = 1024;  // 0: none waits
    Duration timeout = 10s;

    bool operator==(const QueueConfig&) const = default;
};

/// A cookie that brings a client back to its server.
struct StickyConfig {
    bool enabled = false;  // when the object is there
    std::string cookie = "otto_server";
    Duration ttl{};  // 0: until the browser is closed

    bool operator==(const StickyConfig&) const = default;
};

struct LimitsConfig {
    Bytes header_bytes = 32 * 1024;           // a request's head, then 431
    unsigned header_count = 100;              // its fields, then 431
    Bytes target_bytes = 16 * 1024;           // its target, then 414
    Bytes body_bytes = 0;                     // its body, then 413; 0: no limit
    Bytes response_header_bytes = 64 * 1024;  // a response's head, or its trailers, then 502
    unsigned response_header_count = 200;     // its fields, then 502
    std::uint64_t connections = 0;            // of clients at once; 0: from RLIMIT_NOFILE
    unsigned connections_per_client = 0;      // of one address, or IPv6 /64; 0: no limit
    Bytes per_request_buffer = 16 * 1024;     // held each way for one request

    bool operator==(const LimitsConfig&) const = default;
};

/// Where the admin API is, for runs without systemd, whose socket unit decides otherwise.
struct AdminConfig {
    std::vector<std::string> port;  // what parse_local_listen() takes; empty: nowhere

    bool operator==(const AdminConfig&) const = default;
};

/// Where requests are logged once they are over, and how.
struct AccessLogConfig {
    enum class Format : std::uint8_t { json, combined };
    std::string target = "off";  // "off", "journal", "stdout" or an absolute path
    Format format = Format::json;
    double sample = 1;      // 0 to 1: the share of requests that are logged
    bool own_file = false;  // of a path: only a regular file of Otto's user, and no link

    bool enabled() const { return target != "off"; }
    bool operator==(const AccessLogConfig&) const = default;
};

/// The whole of config.json as plain values, with the defaults that hold when a key is absent.
struct Config {
    std::vector<ListenConfig> port{{"", 8080, ":8080"}};
    std::vector<ServerConfig> servers;
    unsigned workers = 0;  // 0: one per usable CPU; at most 256
    const Policy* balance = &policies().front();
    StickyConfig sticky;
    HealthCheckConfig health_check;
    EjectionConfig ejection;
    Duration slow_start = 10s;  // a recovered or new server's share grows for so long; 0: at once
    RetriesConfig retries;
    QueueConfig queue;
    TimeoutsConfig timeouts;
    LimitsConfig limits;
    std::vector<Cidr> trusted_proxies;
    bool proxy_protocol = false;      // connections of trusted_proxies begin with a PROXY header
    bool via = false;                 // add Via (RFC 9110 §7.6.3) both ways
    bool forward_trailers = false;    // of requests
    bool answer_half_closed = false;  // clients that send no more but may still read
    AccessLogConfig access_log;
    AdminConfig admin;

    bool operator==(const Config&) const = default;
};

}  // namespace otto
