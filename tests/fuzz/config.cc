// config.json: whatever the text, there is a configuration or at least one problem, each within the
// text; and a configuration that holds keeps the promises of config.h.

#include <string>

#include "config/load.h"
#include "fuzzing.h"

namespace {

void check_problem(const otto::ConfigProblem& problem, std::string_view source) {
    OTTO_HOLDS(problem.file == "config.json");
    OTTO_HOLDS(!problem.message.empty());
    OTTO_HOLDS(problem.line >= 1 && problem.column >= 1);
    const auto lines = 1 + static_cast<std::size_t>(std::count(source.begin(), source.end(), '\n'));
    OTTO_HOLDS(problem.line <= lines && problem.column <= source.size() + 1);
    OTTO_HOLDS(problem.pointer.empty() || problem.pointer.starts_with('/'));
    // One line in the log, whatever the file has.
    for (const char c : problem.text()) OTTO_HOLDS(static_cast<unsigned char>(c) >= 0x20);
}

void check_config(const otto::Config& config) {
    OTTO_HOLDS(!config.servers.empty() && config.servers.size() <= 10'000);
    for (const auto& server : config.servers) {
        OTTO_HOLDS(server.weight <= 1000);
        OTTO_HOLDS(server.host.empty() != server.socket_path.empty());
        OTTO_HOLDS(server.socket_path.empty() ? server.port != 0 : server.port == 0);
        OTTO_HOLDS(server.base_path.empty() ||
                   (server.base_path.starts_with('/') && !server.base_path.ends_with('/')));
        OTTO_HOLDS(!server.name.empty());
    }
    OTTO_HOLDS(!config.port.empty());
    OTTO_HOLDS(config.workers <= 256);
    OTTO_HOLDS(config.health_check.status_min <= config.health_check.status_max);
    OTTO_HOLDS(config.health_check.interval.count() > 0);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const otto::fuzz::Bytes input(data, size);
    const auto loaded = otto::parse_config(input.view(), "config.json");
    OTTO_HOLDS(loaded.ok() == loaded.problems.empty());
    OTTO_HOLDS(loaded.source == input.view());
    for (const auto& problem : loaded.problems) check_problem(problem, input.view());
    if (!loaded.ok()) return 0;
    check_config(loaded.config);
    const auto again = otto::parse_config(loaded.source, "config.json");
    OTTO_HOLDS(again.ok() && again.config == loaded.config);
    return 0;
}
