#include <cstdio>
#include <filesystem>

#include <fmt/format.h>
#include <sysexits.h>

#include "base/phrases.h"
#include "base/users.h"
#include "config/load.h"
#include "config/schema.h"
#include "control/listening.h"
#include "control/reload_socket.h"
#include "options.h"
#include "otto.h"
#include "quick_start.h"
#include "sd/socket_unit.h"
#include "version.h"

namespace {

constexpr int bad_config = 78;  // EX_CONFIG
/// Whom the package's unit runs Otto as.
constexpr const char* service_user = "_otto";

/// Whether all is well; else it says what is not.
bool holds(const otto::LoadedConfig& loaded) {
    for (const otto::ConfigProblem& problem : loaded.problems)
        fmt::print(stderr, "{}\n", problem.text());
    return loaded.ok();
}

/// Root reads files that the service cannot, which would notice only at its next reload.
void warn_if_unreadable(const std::string& file) {
    const std::string part = otto::unreadable_part(file, service_user);
    if (part.empty()) return;
    std::string cure = fmt::format("chmod o+x {}", part);
    if (std::filesystem::is_regular_file(part))
        cure = fmt::format("chgrp {0} {1} && chmod g+r {1}", service_user, part);
    fmt::print(stderr, "{}: warning: the service runs as the user {}, which cannot read {}: {}\n",
               file, service_user, part == file ? "this file" : part, cure);
}

int check(const otto::Options& options) {
    const std::string& file = options.config;
    const otto::LoadedConfig loaded = otto::load_config(options);
    if (!holds(loaded)) return bad_config;
    fmt::print("{}: ok, {}\n", file, otto::counted(loaded.config.servers.size(), "server"));
    if (options.servers.empty()) warn_if_unreadable(file);
    // Of a file that is another Otto's, or as a part of a reload, which logs it by itself, this
    // says nothing.
    if (file != otto::Options().config || !otto::own_service().empty()) return 0;
    const auto difference = otto::control::difference_to_unit(loaded.config.port);
    if (!difference.empty()) fmt::print(stderr, "{}: {}\n", file, difference);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const auto parsed = otto::parse_options(argc, argv);
    if (const int* code = std::get_if<int>(&parsed)) return *code;
    const auto& options = std::get<otto::Options>(parsed);
    if (options.version) {
        fmt::print("otto {}\n", otto::version);
        return 0;
    }
    if (options.print_schema) {
        fmt::print("{}", otto::config_schema());
        return 0;
    }
    if (options.reload) return otto::control::request_reload();
    if (!options.servers.empty() && !holds(otto::load_config(options))) return EX_USAGE;
    if (options.check) return check(options);
    return otto::Otto::run(options);
}
