#include "config/keys.h"

#include <fmt/format.h>

#include "config/units.h"

namespace otto {

namespace {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = 1024 * kib;
constexpr std::uint64_t gib = 1024 * mib;
constexpr std::uint64_t ms = 1'000'000;
constexpr std::uint64_t day = 86'400'000 * ms;

using C = Config;
using S = ServerConfig;
using T = KeyType;

/// All of them, as Key::choices has them.
std::string_view policy_names() {
    static const std::string names = [] {
        std::string joined;
        for (const Policy& policy : policies()) {
            if (!joined.empty()) joined += '|';
            joined += policy.name;
        }
        return joined;
    }();
    return names;
}

std::vector<Key> make_keys() {
    return {
        {"/port", T::listens, R"(":8080")", 1, 64, false,
         "The address on which Otto listens if systemd does not pass a socket: \":PORT\" (all "
         "addresses), "
         "\"IPV4:PORT\", \"[IPV6]:PORT\", or a list of these."},
        {"/healthCheckInterval", T::duration, R"("5s")", 100 * ms, day, true,
         "The time between two health checks of a server; the same as healthCheck.interval.",
         [](C& c) -> Duration& { return c.health_check.interval; }},
        {"/servers", T::servers, "", 1, 10'000, true,
         "The upstream servers over which requests are balanced: each is a URL or an object."},
        {"/servers/*/url", T::server_url, "", 0, 0, true,
         "\"http://HOST[:PORT][/PATH]\", \"unix:/PATH\" or \"unix:@NAME\"."},
        {"/servers/*/weight", T::count, "1", 0, 1000, true,
         "The server's share of the requests in proportion to the others; with 0 it receives no "
         "new ones.",
         [](S& s) -> unsigned& { return s.weight; }},
        {"/servers/*/backup", T::boolean, "false", 0, 0, true,
         "The server receives requests only if no other server is available.",
         [](S& s) -> bool& { return s.backup; }},
        {"/servers/*/maxConnections", T::count, "0", 0, 1'000'000, true,
         "Maximum number of concurrent requests to the server; 0 means no limit.",
         [](S& s) -> unsigned& { return s.max_connections; }},
        {"/servers/*/expand", T::boolean, "false", 0, 0, true,
         "Each address of the name becomes a separate server.",
         [](S& s) -> bool& { return s.expand; }},
        {"/servers/*/state", T::choice, R"("active")", 0, 0, true,
         "Whether the server receives requests: with \"drain\" it receives no new ones, with "
         "\"disabled\" it is not checked either.",
         [](S& s, std::size_t choice) { s.state = static_cast<ServerState>(choice); },
         "active|drain|disabled"},
        {"/servers/*/name", T::text, "", 1, 100, true,
         "The name that is shown in the journal and the status; by default the URL."},
        {"/workers", T::count, "0", 0, 256, false,
         "Number of threads that handle traffic; 0 means one for each usable CPU.",
         [](C& c) -> unsigned& { return c.workers; }},
        {"/balance", T::choice, R"("round-robin")", 0, 0, true,
         "The policy that chooses a server for each request.",
         [](C& c, std::size_t choice) { c.balance = &policies()[choice]; }, policy_names()},
        {"/sticky", T::object, "", 0, 0, true,
         "Sticky sessions: a signed cookie returns each client to its server.",
         [](C& c) -> bool& { return c.sticky.enabled; }},
        {"/sticky/cookie", T::token, R"("otto_server")", 1, 100, true, "The name of the cookie.",
         [](C& c) -> std::string& { return c.sticky.cookie; }},
        {"/sticky/ttl", T::duration, R"("0s")", 0, 365 * day, true,
         "How long the browser keeps the cookie; with 0, until it is closed.",
         [](C& c) -> Duration& { return c.sticky.ttl; }},
        {"/healthCheck", T::object, "", 0, 0, true, "How the health of servers is checked."},
        {"/healthCheck/type", T::choice, R"("http")", 0, 0, true,
         "The kind of check: an HTTP request, a TCP connection, or none.",
         [](C& c, std::size_t choice) {
             c.health_check.type = static_cast<HealthCheckConfig::Type>(choice);
         },
         "http|tcp|off"},
        {"/healthCheck/path", T::path, R"("/")", 0, 0, true,
         "The path to request, relative to the path of the server's URL; it may include a query.",
         [](C& c) -> std::string& { return c.health_check.path; }},
        {"/healthCheck/host", T::host, R"("")", 0, 0, true,
         "The Host field of the request; with \"\", that of the server's URL.",
         [](C& c) -> std::string& { return c.health_check.host; }},
        {"/healthCheck/method", T::choice, R"("GET")", 0, 0, true, "The method of the request.",
         [](C& c) -> std::string& { return c.health_check.method; }, "GET|HEAD|OPTIONS"},
        {"/healthCheck/status", T::status, R"("100-499")", 100, 599, true,
         "The status or range of statuses that passes the check."},
        {"/healthCheck/interval", T::duration, R"("5s")", 100 * ms, day, true,
         "The time between two checks of a server.",
         [](C& c) -> Duration& { return c.health_check.interval; }},
        {"/healthCheck/downInterval", T::duration, R"("1s")", 100 * ms, day, true,
         "The time between two checks of a server that is not healthy, if that is shorter than the "
         "interval.",
         [](C& c) -> Duration& { return c.health_check.down_interval; }},
        {"/healthCheck/timeout", T::duration, R"("2s")", ms, day, true,
         "The time after which a check without a response has failed.",
         [](C& c) -> Duration& { return c.health_check.timeout; }},
        {"/healthCheck/healthyAfter", T::count, "2", 1, 1000, true,
         "Number of consecutive passed checks that return a server to rotation.",
         [](C& c) -> unsigned& { return c.health_check.healthy_after; }},
        {"/healthCheck/unhealthyAfter", T::count, "3", 1, 1000, true,
         "Number of consecutive failed checks that take a server out of rotation.",
         [](C& c) -> unsigned& { return c.health_check.unhealthy_after; }},
        {"/healthCheck/startHealthy", T::boolean, "false", 0, 0, true,
         "New servers receive requests before their first check.",
         [](C& c) -> bool& { return c.health_check.start_healthy; }},
        {"/ejection", T::object, "", 0, 0, true,
         "Outlier ejection: a server that responds with errors is taken out of rotation for a "
         "while."},
        {"/ejection/consecutiveErrors", T::count, "5", 0, 1000, true,
         "Number of consecutive errors that eject a server; 0 disables ejection.",
         [](C& c) -> unsigned& { return c.ejection.consecutive_errors; }},
        {"/ejection/statuses", T::statuses, "[502, 503, 504]", 0, 100, true,
         "The statuses, from 500 to 599, of responses that count as errors here, in addition to "
         "failed attempts.",
         [](C& c) -> std::vector<unsigned>& { return c.ejection.statuses; }},
        {"/ejection/base", T::duration, R"("30s")", ms, day, true,
         "The duration of a first ejection; each further one in a row lasts twice as long.",
         [](C& c) -> Duration& { return c.ejection.base; }},
        {"/ejection/max", T::duration, R"("5m")", ms, day, true,
         "The longest duration of an ejection.", [](C& c) -> Duration& { return c.ejection.max; }},
        {"/ejection/maxPercent", T::count, "50", 0, 100, true,
         "Maximum percentage of servers that are ejected at the same time; one may always be.",
         [](C& c) -> unsigned& { return c.ejection.max_percent; }},
        {"/slowStart", T::duration, R"("10s")", 0, day, true,
         "The time over which the share of a recovered or added server increases; with 0 it "
         "receives its full share immediately.",
         [](C& c) -> Duration& { return c.slow_start; }},
        {"/retries", T::object, "", 0, 0, true,
         "When a failed request is retried, each time on another server."},
        {"/retries/attempts", T::count, "2", 1, 10, true,
         "Maximum number of attempts for a request, the first one included, refused ones not "
         "counted; 1 allows no others.",
         [](C& c) -> unsigned& { return c.retries.attempts; }},
        {"/retries/budgetPercent", T::count, "20", 0, 100, true,
         "Number of retries allowed per hundred requests, in addition to budgetMinPerSecond; "
         "retries "
         "of refused attempts are free.",
         [](C& c) -> unsigned& { return c.retries.budget_percent; }},
        {"/retries/budgetMinPerSecond", T::count, "10", 0, 100'000, true,
         "Number of retries per second that are always allowed, however few requests there are.",
         [](C& c) -> unsigned& { return c.retries.budget_min_per_second; }},
        {"/queue", T::object, "", 0, 0, true,
         "The queue for requests that wait while all servers have reached their maxConnections."},
        {"/queue/length", T::count, "1024", 0, 1'000'000, true,
         "Maximum number of waiting requests; further ones are answered with 503. With 0, requests "
         "do not wait.",
         [](C& c) -> unsigned& { return c.queue.length; }},
        {"/queue/timeout", T::duration, R"("10s")", ms, day, true,
         "The longest time that a request waits before it is answered with 503.",
         [](C& c) -> Duration& { return c.queue.timeout; }},
        {"/timeouts", T::object, "", 0, 0, true, "How long Otto waits."},
        {"/timeouts/connect", T::duration, R"("4s")", ms, day, true,
         "The time to connect to a server.", [](C& c) -> Duration& { return c.timeouts.connect; }},
        {"/timeouts/requestHeader", T::duration, R"("10s")", ms, day, true,
         "The time from the first byte of a request to the end of its header.",
         [](C& c) -> Duration& { return c.timeouts.request_header; }},
        {"/timeouts/response", T::duration, R"("60s")", ms, day, true,
         "The time from the end of a request to the end of the response header.",
         [](C& c) -> Duration& { return c.timeouts.response; }},
        {"/timeouts/progress", T::duration, R"("60s")", ms, day, true,
         "The time between bytes of a body, in either direction.",
         [](C& c) -> Duration& { return c.timeouts.progress; }},
        {"/timeouts/minimumRate", T::rate, R"("240B/s")", 0, mib, true,
         "The minimum rate at which a client must send or read, averaged over 30 s in which Otto "
         "waits for it; 0 means no minimum.",
         [](C& c) -> Bytes& { return c.timeouts.minimum_rate; }},
        {"/timeouts/tunnel", T::duration, R"("1h")", ms, day, true,
         "The time between bytes of an event stream or an upgraded connection.",
         [](C& c) -> Duration& { return c.timeouts.tunnel; }},
        {"/timeouts/clientIdle", T::duration, R"("60s")", ms, day, true,
         "The time that a client's keep-alive connection may be idle between requests.",
         [](C& c) -> Duration& { return c.timeouts.client_idle; }},
        {"/timeouts/serverIdle", T::duration, R"("4s")", ms, day, true,
         "The time after which an idle keep-alive connection to a server is closed.",
         [](C& c) -> Duration& { return c.timeouts.server_idle; }},
        {"/timeouts/drain", T::duration, R"("30s")", ms, day, true,
         "The time that requests in progress have to finish when Otto stops.",
         [](C& c) -> Duration& { return c.timeouts.drain; }},
        {"/limits", T::object, "", 0, 0, true, "Limits on clients and requests."},
        {"/limits/headerBytes", T::size, R"("32KiB")", kib, mib, true,
         "Maximum size of a request header; a larger one is answered with 431.",
         [](C& c) -> Bytes& { return c.limits.header_bytes; }},
        {"/limits/headerCount", T::count, "100", 1, 1000, true,
         "Maximum number of fields in a request header; more are answered with 431.",
         [](C& c) -> unsigned& { return c.limits.header_count; }},
        {"/limits/targetBytes", T::size, R"("16KiB")", 256, mib, true,
         "Maximum length of a request target; a longer one is answered with 414.",
         [](C& c) -> Bytes& { return c.limits.target_bytes; }},
        {"/limits/bodyBytes", T::size, "0", 0, 1024 * gib, true,
         "Maximum size of a request body; a larger one is answered with 413. 0 means no limit.",
         [](C& c) -> Bytes& { return c.limits.body_bytes; }},
        {"/limits/responseHeaderBytes", T::size, R"("64KiB")", kib, mib, true,
         "Maximum size of a response header; a larger one is answered with 502.",
         [](C& c) -> Bytes& { return c.limits.response_header_bytes; }},
        {"/limits/responseHeaderCount", T::count, "200", 1, 1000, true,
         "Maximum number of fields in a response header; more are answered with 502.",
         [](C& c) -> unsigned& { return c.limits.response_header_count; }},
        {"/limits/connections", T::count, "0", 0, 1'000'000, true,
         "Maximum number of client connections; with 0, it is derived from the limit on open "
         "files.",
         [](C& c) -> std::uint64_t& { return c.limits.connections; }},
        {"/limits/connectionsPerClient", T::count, "0", 0, 1'000'000, true,
         "Maximum number of connections from one client, by its IPv4 address or IPv6 /64; 0 means "
         "no limit.",
         [](C& c) -> unsigned& { return c.limits.connections_per_client; }},
        {"/limits/perRequestBuffer", T::size, R"("16KiB")", 4 * kib, 16 * mib, true,
         "The amount of data that is buffered per request in each direction.",
         [](C& c) -> Bytes& { return c.limits.per_request_buffer; }},
        {"/trustedProxies", T::cidrs, "[]", 0, 1000, true,
         "Proxies whose forwarding fields are trusted, as addresses or ranges."},
        {"/proxyProtocol", T::boolean, "false", 0, 0, true,
         "Connections from trustedProxies start with a PROXY protocol header.",
         [](C& c) -> bool& { return c.proxy_protocol; }},
        {"/via", T::boolean, "false", 0, 0, true,
         "Otto adds itself to the Via field of requests and responses.",
         [](C& c) -> bool& { return c.via; }},
        {"/requestTrailers", T::choice, R"("drop")", 0, 0, true,
         "What happens to the fields after a chunked request body.",
         [](C& c, std::size_t choice) { c.forward_trailers = choice == 1; }, "drop|forward"},
        {"/halfClose", T::choice, R"("abort")", 0, 0, true,
         "What happens to a request whose client closes its side of the connection.",
         [](C& c, std::size_t choice) { c.answer_half_closed = choice == 1; }, "abort|answer"},
        {"/accessLog", T::log_target, R"("off")", 0, 0, true,
         "Where requests are logged: nowhere, in the journal, on standard output, or in a file "
         "with an absolute path.",
         [](C& c) -> std::string& { return c.access_log.target; }, "off|journal|stdout"},
        {"/accessLogFormat", T::choice, R"("json")", 0, 0, true,
         "The format of a request in a file or on standard output.",
         [](C& c, std::size_t choice) {
             c.access_log.format = static_cast<AccessLogConfig::Format>(choice);
         },
         "json|combined"},
        {"/accessLogSample", T::fraction, "1", 0, 1, true,
         "The share of requests that are logged, chosen at random.",
         [](C& c) -> double& { return c.access_log.sample; }},
        {"/admin", T::object, "", 0, 0, false,
         "The admin API, if systemd does not pass a socket for it."},
        {"/admin/port", T::local_listens, "", 1, 16, false,
         "The address on which the admin API listens, or a list of them: \":PORT\" (on "
         "127.0.0.1), \"127.0.0.1:PORT\", \"[::1]:PORT\" or \"unix:/PATH\"."},
    };
}

}  // namespace

std::vector<std::string_view> Key::choice_list() const {
    std::vector<std::string_view> list;
    for (std::size_t at = 0; at <= choices.size(); at += list.back().size() + 1)
        list.push_back(choices.substr(at, choices.find('|', at) - at));
    return list;
}

std::string Key::range() const {
    if (max == 0) return "";
    const auto spell = [this](std::uint64_t value) {
        if (type == KeyType::size) return size_text(value);
        if (type == KeyType::rate) return rate_text(value);
        if (type != KeyType::duration) return std::to_string(value);
        return duration_text(Duration(static_cast<Duration::rep>(value)));
    };
    return spell(min) + " to " + spell(max);
}

const std::vector<Key>& config_keys() {
    static const std::vector<Key> keys = make_keys();
    return keys;
}

std::vector<const Key*> keys_inside(std::string_view parent) {
    std::vector<const Key*> inside;
    for (const Key& key : config_keys())
        if (key.pointer.substr(0, key.pointer.rfind('/')) == parent) inside.push_back(&key);
    return inside;
}

}  // namespace otto
