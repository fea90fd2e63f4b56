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

std::vector<Key> make_keys() {
    return {
        {"/port", T::listens, R"(":8080")", 1, 64, false,
         "Where Otto listens when systemd hands over no socket: \":PORT\" (every address), "
         "\"IPV4:PORT\", \"[IPV6]:PORT\", or a list of these."},
        {"/healthCheckInterval", T::duration, R"("5s")", 100 * ms, day, true,
         "The time between two health checks of a server; the same as healthCheck.interval.",
         [](C& c) -> Duration& { return c.health_check.interval; }},
        {"/servers", T::servers, "", 1, 10'000, true,
         "The servers that requests are balanced over: a URL or an object each."},
        {"/servers/*/url", T::server_url, "", 0, 0, true,
         "\"http://HOST[:PORT][/PATH]\", \"unix:/PATH\" or \"unix:@NAME\"."},
        {"/servers/*/weight", T::count, "1", 0, 1000, true,
         "The server's share of requests in proportion to the others; 0 gives it no new ones.",
         [](S& s) -> unsigned& { return s.weight; }},
        {"/servers/*/backup", T::boolean, "false", 0, 0, true,
         "The server gets requests only when no other is left.",
         [](S& s) -> bool& { return s.backup; }},
        {"/servers/*/maxConnections", T::count, "0", 0, 1'000'000, true,
         "Requests under way at the server at once; 0 is no limit.",
         [](S& s) -> unsigned& { return s.max_connections; }},
        {"/servers/*/expand", T::boolean, "false", 0, 0, true,
         "Each address of the name is a server of its own.",
         [](S& s) -> bool& { return s.expand; }},
        {"/servers/*/state", T::choice, R"("active")", 0, 0, true,
         "Whether the server gets requests: \"drain\" gives it no new ones, \"disabled\" no "
         "checks, "
         "either.",
         [](S& s, std::size_t choice) { s.state = static_cast<S::State>(choice); },
         "active|drain|disabled"},
        {"/servers/*/name", T::text, "", 1, 100, true, "What people see; the URL unless given."},
        {"/workers", T::count, "0", 0, 256, false,
         "Threads that carry traffic; 0 is one for each usable CPU.",
         [](C& c) -> unsigned& { return c.workers; }},
        {"/balance", T::choice, R"("round-robin")", 0, 0, true,
         "How a server is chosen for a request.",
         [](C& c, std::size_t choice) { c.balance = static_cast<Balance>(choice); },
         "round-robin|least-connections|two-choices|fastest|ip-hash|first"},
        {"/sticky", T::object, "", 0, 0, true,
         "A signed cookie brings each client back to its server.",
         [](C& c) -> bool& { return c.sticky.enabled; }},
        {"/sticky/cookie", T::token, R"("otto_server")", 1, 100, true, "The cookie's name.",
         [](C& c) -> std::string& { return c.sticky.cookie; }},
        {"/sticky/ttl", T::duration, R"("0s")", 0, 365 * day, true,
         "How long the browser keeps the cookie; 0 is until it is closed.",
         [](C& c) -> Duration& { return c.sticky.ttl; }},
        {"/healthCheck", T::object, "", 0, 0, true, "How the health of servers is checked."},
        {"/healthCheck/type", T::choice, R"("http")", 0, 0, true,
         "An HTTP request, a TCP connection, or no checks.",
         [](C& c, std::size_t choice) {
             c.health_check.type = static_cast<HealthCheckConfig::Type>(choice);
         },
         "http|tcp|off"},
        {"/healthCheck/path", T::path, R"("/")", 0, 0, true,
         "The path that is asked for, below the server's own; a query may follow.",
         [](C& c) -> std::string& { return c.health_check.path; }},
        {"/healthCheck/host", T::host, R"("")", 0, 0, true,
         "The Host field of the request; \"\" is the server's own.",
         [](C& c) -> std::string& { return c.health_check.host; }},
        {"/healthCheck/method", T::choice, R"("GET")", 0, 0, true, "The method of the request.",
         [](C& c) -> std::string& { return c.health_check.method; }, "GET|HEAD|OPTIONS"},
        {"/healthCheck/status", T::status, R"("100-499")", 100, 599, true,
         "The status, or the range of them, that passes."},
        {"/healthCheck/interval", T::duration, R"("5s")", 100 * ms, day, true,
         "The time between two checks of a server.",
         [](C& c) -> Duration& { return c.health_check.interval; }},
        {"/healthCheck/downInterval", T::duration, R"("1s")", 100 * ms, day, true,
         "The time between two checks of a server that is not healthy, if that is less.",
         [](C& c) -> Duration& { return c.health_check.down_interval; }},
        {"/healthCheck/timeout", T::duration, R"("2s")", ms, day, true,
         "A check without an answer by then has failed.",
         [](C& c) -> Duration& { return c.health_check.timeout; }},
        {"/healthCheck/healthyAfter", T::count, "2", 1, 1000, true,
         "Checks passed in a row that bring a server back.",
         [](C& c) -> unsigned& { return c.health_check.healthy_after; }},
        {"/healthCheck/unhealthyAfter", T::count, "3", 1, 1000, true,
         "Checks failed in a row that take a server out.",
         [](C& c) -> unsigned& { return c.health_check.unhealthy_after; }},
        {"/healthCheck/startHealthy", T::boolean, "false", 0, 0, true,
         "New servers get requests before their first check.",
         [](C& c) -> bool& { return c.health_check.start_healthy; }},
        {"/ejection", T::object, "", 0, 0, true,
         "When a server that answers with errors is taken out for a while."},
        {"/ejection/consecutiveErrors", T::count, "5", 0, 1000, true,
         "Failed attempts and answers 502, 503 or 504 in a row that eject a server; 0 never does.",
         [](C& c) -> unsigned& { return c.ejection.consecutive_errors; }},
        {"/ejection/base", T::duration, R"("30s")", ms, day, true,
         "The time of a first ejection; each further one in a row takes twice as long.",
         [](C& c) -> Duration& { return c.ejection.base; }},
        {"/ejection/max", T::duration, R"("5m")", ms, day, true, "The longest ejection.",
         [](C& c) -> Duration& { return c.ejection.max; }},
        {"/slowStart", T::duration, R"("10s")", 0, day, true,
         "The share of a recovered or added server grows for so long; 0 gives it all at once.",
         [](C& c) -> Duration& { return c.slow_start; }},
        {"/retries", T::object, "", 0, 0, true,
         "When a request is tried again, with another server each time."},
        {"/retries/attempts", T::count, "2", 1, 10, true,
         "The most tries of a request in total; 1 never tries again.",
         [](C& c) -> unsigned& { return c.retries.attempts; }},
        {"/retries/budgetPercent", T::count, "20", 0, 100, true,
         "Retries for each hundred requests, beside budgetMinPerSecond.",
         [](C& c) -> unsigned& { return c.retries.budget_percent; }},
        {"/retries/budgetMinPerSecond", T::count, "10", 0, 100'000, true,
         "Retries in a second that are allowed however few requests there are.",
         [](C& c) -> unsigned& { return c.retries.budget_min_per_second; }},
        {"/queue", T::object, "", 0, 0, true,
         "Requests that wait while all servers are at their maxConnections."},
        {"/queue/length", T::count, "1024", 0, 1'000'000, true,
         "The most requests that wait; 503 beyond. 0 lets none wait.",
         [](C& c) -> unsigned& { return c.queue.length; }},
        {"/queue/timeout", T::duration, R"("10s")", ms, day, true, "The longest wait, then 503.",
         [](C& c) -> Duration& { return c.queue.timeout; }},
        {"/timeouts", T::object, "", 0, 0, true, "How long Otto waits."},
        {"/timeouts/connect", T::duration, R"("4s")", ms, day, true,
         "The wait for a connection to a server.",
         [](C& c) -> Duration& { return c.timeouts.connect; }},
        {"/timeouts/requestHeader", T::duration, R"("10s")", ms, day, true,
         "The time from a request's first byte to the end of its head.",
         [](C& c) -> Duration& { return c.timeouts.request_header; }},
        {"/timeouts/response", T::duration, R"("60s")", ms, day, true,
         "The time from the end of a request to the end of the response's head.",
         [](C& c) -> Duration& { return c.timeouts.response; }},
        {"/timeouts/progress", T::duration, R"("60s")", ms, day, true,
         "The time between bytes of a body, in either direction.",
         [](C& c) -> Duration& { return c.timeouts.progress; }},
        {"/timeouts/minimumRate", T::rate, R"("240B/s")", 0, mib, true,
         "The least that a client must send or take, averaged over 30 s in which Otto waits for "
         "it; 0 is no limit.",
         [](C& c) -> Bytes& { return c.timeouts.minimum_rate; }},
        {"/timeouts/tunnel", T::duration, R"("1h")", ms, day, true,
         "The time between bytes of an event stream or an upgraded connection.",
         [](C& c) -> Duration& { return c.timeouts.tunnel; }},
        {"/timeouts/clientIdle", T::duration, R"("60s")", ms, day, true,
         "The wait for the next request on a client's connection.",
         [](C& c) -> Duration& { return c.timeouts.client_idle; }},
        {"/timeouts/serverIdle", T::duration, R"("4s")", ms, day, true,
         "The time after which an unused connection to a server is closed.",
         [](C& c) -> Duration& { return c.timeouts.server_idle; }},
        {"/timeouts/drain", T::duration, R"("30s")", ms, day, true,
         "The wait for requests under way when Otto stops.",
         [](C& c) -> Duration& { return c.timeouts.drain; }},
        {"/limits", T::object, "", 0, 0, true, "How much Otto takes."},
        {"/limits/headerBytes", T::size, R"("32KiB")", kib, mib, true,
         "The largest head of a request; 431 beyond.",
         [](C& c) -> Bytes& { return c.limits.header_bytes; }},
        {"/limits/headerCount", T::count, "100", 1, 1000, true,
         "The most fields in a request's head; 431 beyond.",
         [](C& c) -> unsigned& { return c.limits.header_count; }},
        {"/limits/targetBytes", T::size, R"("16KiB")", 256, mib, true,
         "The longest target of a request; 414 beyond.",
         [](C& c) -> Bytes& { return c.limits.target_bytes; }},
        {"/limits/bodyBytes", T::size, "0", 0, 1024 * gib, true,
         "The largest body of a request; 413 beyond. 0 is no limit.",
         [](C& c) -> Bytes& { return c.limits.body_bytes; }},
        {"/limits/connections", T::count, "0", 0, 1'000'000, true,
         "The most connections of clients at once; 0 derives it from the limit of open files.",
         [](C& c) -> std::uint64_t& { return c.limits.connections; }},
        {"/limits/connectionsPerClient", T::count, "0", 0, 1'000'000, true,
         "The most connections of one client at once, by its IPv4 address or IPv6 /64; 0 is no "
         "limit.",
         [](C& c) -> unsigned& { return c.limits.connections_per_client; }},
        {"/limits/perRequestBuffer", T::size, R"("16KiB")", 4 * kib, 16 * mib, true,
         "What is held of one request in each direction.",
         [](C& c) -> Bytes& { return c.limits.per_request_buffer; }},
        {"/trustedProxies", T::cidrs, "[]", 0, 1000, true,
         "Proxies whose forwarding fields are believed, as addresses or ranges."},
        {"/proxyProtocol", T::boolean, "false", 0, 0, true,
         "Connections from trustedProxies begin with a PROXY protocol header.",
         [](C& c) -> bool& { return c.proxy_protocol; }},
        {"/via", T::boolean, "false", 0, 0, true,
         "Otto adds itself to the Via field of requests and responses.",
         [](C& c) -> bool& { return c.via; }},
        {"/requestTrailers", T::choice, R"("drop")", 0, 0, true,
         "What becomes of the fields after a request's chunked body.",
         [](C& c, std::size_t choice) { c.forward_trailers = choice == 1; }, "drop|forward"},
        {"/accessLog", T::log_target, R"("off")", 0, 0, true,
         "Where requests are logged: nowhere, to the journal, to the standard output, or to the "
         "file of this absolute path.",
         [](C& c) -> std::string& { return c.access_log.target; }, "off|journal|stdout"},
        {"/accessLogFormat", T::choice, R"("json")", 0, 0, true,
         "How a request is written to a file or the standard output.",
         [](C& c, std::size_t choice) {
             c.access_log.format = static_cast<AccessLogConfig::Format>(choice);
         },
         "json|combined"},
        {"/accessLogSample", T::fraction, "1", 0, 1, true,
         "The share of requests that are logged, which are drawn at random.",
         [](C& c) -> double& { return c.access_log.sample; }},
        {"/admin", T::object, "", 0, 0, false,
         "The admin API, where systemd hands over no socket."},
        {"/admin/port", T::local_listen, "", 0, 0, false,
         "Where the admin API listens: \":PORT\" (of 127.0.0.1), \"127.0.0.1:PORT\", "
         "\"[::1]:PORT\" or \"unix:/PATH\".",
         [](C& c) -> std::string& { return c.admin.port; }},
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
