#include "configs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace exchanges {

namespace {

std::string random_server(Random& random, Profile profile, const std::string& url, bool drains) {
    const unsigned limit = random.chance(profile == Profile::resets ? 900 : 600)
                               ? static_cast<unsigned>(random.between(1, 4))
                               : 0;
    return fmt::format(R"({{"url": "{}", "maxConnections": {}, "weight": {}, "state": "{}"}})", url,
                       limit, random.between(1, 3), drains ? "drain" : "active");
}

}  // namespace

std::string random_config(Random& random, Profile profile, const ConfigPlace& place) {
    const bool resets = profile == Profile::resets;
    std::vector<std::string> servers;
    for (const std::string& url : place.urls) {
        const bool drains = !servers.empty() && random.chance(100);
        servers.push_back(random_server(random, profile, url, drains));
    }
    std::string text = fmt::format(
        R"({{"servers": [{}], "workers": {}, "balance": "{}", "slowStart": "0s",
 "accessLog": "{}", "via": {}, "halfClose": "{}",
)",
        fmt::join(servers, ", "), place.workers,
        random.pick<std::string_view>({"round-robin", "round-robin", "least-connections",
                                       "two-choices", "fastest", "ip-hash", "first"}),
        place.access_log, random.chance(200), random.chance(300) ? "answer" : "abort");
    if (random.chance(300)) text += R"( "sticky": {"cookie": "exchanges"},)";
    text += fmt::format(
        R"( "healthCheck": {{"type": "{}", "path": "/health", "interval": "100ms", "timeout": "10s",
  "healthyAfter": 1}},
 "ejection": {{"consecutiveErrors": {}, "base": "10ms", "max": "50ms"}},
 "retries": {{"attempts": {}, "budgetPercent": {}, "budgetMinPerSecond": 10}},
 "queue": {{"length": {}, "timeout": "{}ms"}},
)",
        random.pick<std::string_view>({"off", "tcp", "http"}), random.chance(800) ? 0 : 5,
        random.between(1, 4), random.pick({100, 100, 20}),
        random.chance(900) ? 1000 : random.below(5), random.chance(900) ? 5000 : 20);
    text += fmt::format(
        R"( "timeouts": {{"connect": "1s", "requestHeader": "{}ms", "response": "{}ms",
  "progress": "{}ms", "clientIdle": "5s", "serverIdle": "{}ms", "drain": "1s"}},
 "limits": {{"perRequestBuffer": "{}KiB"}}}}
)",
        random.pick({1000, 5000}), random.pick({100, 300, 1000}), random.pick({100, 500, 2000}),
        random.pick({20, 500, 4000}), resets ? random.pick({4, 4, 16}) : random.pick({4, 16, 64}));
    return text;
}

}  // namespace exchanges
