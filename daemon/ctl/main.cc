// ottoctl(1): a thin client of the admin API.

#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "ctl/commands.h"

namespace {

using otto::ctl::Commands;
using otto::ctl::Exit;
using otto::ctl::ServerOptions;

struct Options {
    std::string socket = otto::ctl::default_place;
    bool json = false;
    std::string file;
    ServerOptions server;
    std::function<Exit(const Commands&)> command;
};

CLI::App* add_command(CLI::App& app, Options& options, const char* name, const char* about,
                      std::function<Exit(const Commands&)> command) {
    CLI::App* sub = app.add_subcommand(name, about);
    sub->callback([&options, command] { options.command = command; });
    return sub;
}

CLI::App* add_server_command(CLI::App& app, Options& options, const char* name, const char* about,
                             Exit (Commands::*command)(const ServerOptions&) const) {
    const auto run = [&options, command](const Commands& commands) {
        return (commands.*command)(options.server);
    };
    CLI::App* sub = add_command(app, options, name, about, run);
    sub->add_option("id", options.server.id, "Its name, its URL or its id")
        ->type_name("ID")
        ->required();
    return sub;
}

void add_force(CLI::App* sub, Options& options) {
    sub->add_flag("--force", options.server.force, "Even if no active server is left");
}

void add_wait(CLI::App* sub, Options& options) {
    sub->add_flag("--wait", options.server.wait, "Until the last request on it has ended");
    sub->add_option("--timeout", options.server.timeout, "How long to wait at most")
        ->type_name("DURATION")
        ->capture_default_str();
}

void add_server_commands(CLI::App& app, Options& options) {
    CLI::App* add =
        add_command(app, options, "add", "Add a server",
                    [&options](const Commands& commands) { return commands.add(options.server); });
    add->add_option("url", options.server.id, "http://HOST[:PORT][/PATH] or unix:/PATH")
        ->type_name("URL")
        ->required();
    add->add_option("--name", options.server.name, "What people see")->type_name("NAME");
    add->add_option("--weight", options.server.weight, "Its share of requests")->type_name("N");
    add->add_option("--max-connections", options.server.max_connections,
                    "Requests under way at once")
        ->type_name("N");
    add->add_flag("--backup", options.server.backup, "Only when no other server is left");

    CLI::App* remove = add_server_command(app, options, "remove",
                                          "Remove a server; requests under way end by themselves",
                                          &Commands::remove);
    add_force(remove, options);
    add_wait(remove, options);
    CLI::App* drain = add_server_command(app, options, "drain", "Give a server no new requests",
                                         &Commands::drain);
    add_force(drain, options);
    add_wait(drain, options);
    add_server_command(app, options, "enable", "Give a server requests again", &Commands::enable);
    CLI::App* disable = add_server_command(
        app, options, "disable", "Give a server no new requests and no checks", &Commands::disable);
    add_force(disable, options);
    add_wait(disable, options);
    CLI::App* weight =
        add_server_command(app, options, "weight", "Change a server's share", &Commands::weight);
    weight->add_option("weight", options.server.weight, "0 to 1000; 0 gives it no new requests")
        ->type_name("N")
        ->required();
    add_force(weight, options);
}

void add_config_commands(CLI::App& app, Options& options) {
    add_command(app, options, "reload", "Have Otto read its file anew",
                [](const Commands& commands) { return commands.reload(); });
    CLI::App* check =
        add_command(app, options, "check", "Check a configuration file, without Otto",
                    [&options](const Commands& commands) { return commands.check(options.file); });
    check->add_option("file", options.file, "The file")->type_name("FILE")->required();
    add_command(app, options, "diff", "Show the changes made at run time",
                [](const Commands& commands) { return commands.diff(); });
    CLI::App* reset = add_command(
        app, options, "reset", "Drop the changes made at run time",
        [&options](const Commands& commands) { return commands.reset(options.server.force); });
    add_force(reset, options);
    CLI::App* apply = add_command(
        app, options, "apply", "Write the changes made at run time into the file",
        [&options](const Commands& commands) {
            return commands.apply(options.file.empty() ? "/etc/otto/config.json" : options.file);
        });
    apply->add_option("file", options.file, "The file [/etc/otto/config.json]")->type_name("FILE");
    add_command(app, options, "token", "Print the token for changes over TCP",
                [](const Commands& commands) { return commands.token(); });
}

int run(int argc, char** argv) {
    Options options;
    CLI::App app{"Looks at a running Otto, and changes it.", "ottoctl"};
    app.fallthrough();
    app.set_help_flag("-h,--help", "Print this help and exit");
    app.set_version_flag("--version", "ottoctl " OTTO_VERSION, "Print the version and exit");
    app.add_option("--socket", options.socket, "Otto's admin socket: a path or HOST:PORT")
        ->type_name("PLACE")
        ->capture_default_str();
    app.add_flag("--json", options.json, "Print JSON");
    app.footer("See ottoctl(1).");
    app.require_subcommand(1);
    add_command(app, options, "status", "Show how Otto is",
                [](const Commands& commands) { return commands.status(); });
    add_command(app, options, "servers", "List the servers",
                [](const Commands& commands) { return commands.servers(); });
    add_server_commands(app, options);
    add_config_commands(app, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp& help) {
        return app.exit(help);
    } catch (const CLI::CallForVersion& version) {
        return app.exit(version);
    } catch (const CLI::ParseError& error) {
        std::cerr << "ottoctl: " << error.what() << "\nTry \"ottoctl --help\".\n";
        return static_cast<int>(Exit::usage);
    }
    const char* token = std::getenv("OTTO_TOKEN");
    const Commands commands(otto::ctl::Client(options.socket, token == nullptr ? "" : token),
                            options.json);
    return static_cast<int>(options.command(commands));
}

}  // namespace

int main(int argc, char** argv) {
    return run(argc, argv);
}
