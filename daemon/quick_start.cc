#include "quick_start.h"

#include "config/json.h"
#include "config/locator.h"

namespace otto {

namespace {

constexpr std::string_view server_pointer = "/servers/";

bool is_digits(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// Says which option is wrong, instead of where in a document that was never typed.
void name_option(ConfigProblem& problem, const Options& options) {
    problem.line = 0;
    if (problem.pointer == "/port") {
        problem.file = "--port " + options.port;
    } else if (problem.pointer.starts_with(server_pointer)) {
        const std::size_t index = std::stoul(problem.pointer.substr(server_pointer.size()));
        problem.file = "--server " + options.servers.at(index);
    }
    problem.pointer.clear();
}

}  // namespace

LoadedConfig load_config(const Options& options) {
    if (options.servers.empty()) return load_config(options.config);
    Json document = Json::object();
    if (!options.port.empty())
        document.set("port",
                     Json::string(is_digits(options.port) ? ":" + options.port : options.port));
    Json servers = Json::list();
    for (const std::string& server : options.servers)
        servers.add(Json::string(with_scheme(server)));
    document.set("servers", std::move(servers));
    LoadedConfig loaded = parse_config(document.pretty(), options.config);
    for (ConfigProblem& problem : loaded.problems) name_option(problem, options);
    return loaded;
}

}  // namespace otto
