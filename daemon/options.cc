#include "options.h"

#include <iostream>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <sysexits.h>

namespace otto {

std::variant<Options, int> parse_options(int argc, const char* const* argv) {
    Options options;
    CLI::App app{"Otto, an automatic HTTP load balancer for the applications of one host.", "otto"};
    app.set_help_flag("-h,--help", "Print this help and exit");
    CLI::Option* config = app.add_option("--config", options.config, "The configuration file")
                              ->type_name("FILE")
                              ->capture_default_str();
    CLI::Option* server =
        app.add_option("--server", options.servers,
                       "An upstream server, instead of a configuration file; repeatable: "
                       "http://HOST:PORT, HOST:PORT, PORT or unix:/PATH")
            ->type_name("URL")
            ->allow_extra_args(false)
            ->excludes(config);
    app.add_option("--port", options.port, "The port to listen on with --server [:8080]")
        ->type_name("[ADDRESS]:PORT")
        ->needs(server);
    app.add_flag("--check", options.check, "Check the configuration and exit");
    app.add_flag("--reload", options.reload,
                 "Make the running service reload, and wait until it has; for ExecReload=");
    app.add_flag("--print-schema", options.print_schema,
                 "Print the JSON Schema of the configuration and exit");
    app.add_flag("--version", options.version, "Print the version and exit");
    app.footer("See otto(8) and otto-config(5).");
    try {
        app.parse(argc, argv);
        if (options.check + options.reload + options.print_schema + options.version > 1)
            throw CLI::ValidationError(
                "--check, --reload, --print-schema and --version are mutually exclusive");
    } catch (const CLI::CallForHelp& help) {
        return app.exit(help);
    } catch (const CLI::ParseError& error) {
        std::cerr << "otto: " << error.what() << "\nTry \"otto --help\".\n";
        return EX_USAGE;
    }
    if (!options.servers.empty()) options.config = "the command line";
    return options;
}

}  // namespace otto
