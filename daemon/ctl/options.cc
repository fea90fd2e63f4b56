#include "ctl/options.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "config/units.h"
#include "config/wording.h"
#include "ctl/apply_command.h"
#include "ctl/config_commands.h"
#include "ctl/events_command.h"
#include "ctl/look_commands.h"
#include "ctl/server_commands.h"
#include "ctl/top/top_command.h"

namespace otto::ctl {

namespace {

using Command = std::function<Exit(const Console&)>;

constexpr std::pair<const char*, Sort> sorts[] = {
    {"order", Sort::order},       {"name", Sort::name},     {"state", Sort::state},
    {"requests", Sort::requests}, {"errors", Sort::errors}, {"retries", Sort::retries},
    {"active", Sort::active},     {"p50", Sort::p50},       {"p99", Sort::p99}};

/// The options of all commands, where CLI11 puts them.
struct Values {
    Options options;
    ServerOptions server;
    EventsOptions events;
    std::string sort = "order";
    bool top_once = false;
    std::string file;
    std::string port = "file";
    std::vector<std::string> keys{};  // and their values
};

class Parser {
  public:
    Parser(CLI::App& app, Values& values) : app_(app), values_(values) {}

    void add_all() {
        app_.fallthrough();
        app_.set_help_flag("-h,--help", "Print this help and exit");
        app_.set_version_flag("--version", "ottoctl " OTTO_VERSION, "Print the version and exit");
        app_.add_option("--socket", values_.options.socket,
                        "Otto's admin socket: a path or ADDRESS:PORT")
            ->type_name("PLACE")
            ->capture_default_str();
        app_.add_flag("--json", values_.options.json, "Print JSON");
        app_.footer("See ottoctl(1).");
        app_.require_subcommand(1);
        add_looking();
        add_watching();
        add_new_server();
        add_server_changes();
        add_configuration();
    }

  private:
    CLI::App* command(const char* name, const char* about, Command run) {
        CLI::App* sub = app_.add_subcommand(name, about);
        Options& options = values_.options;
        sub->callback([&options, run] { options.command = run; });
        return sub;
    }

    CLI::App* server_command(const char* name, const char* about,
                             Exit (*run)(const Console&, const ServerOptions&)) {
        const ServerOptions& server = values_.server;
        CLI::App* sub = command(
            name, about, [&server, run](const Console& console) { return run(console, server); });
        sub->add_option("id", values_.server.ids, "Their names, URLs or IDs")
            ->type_name("ID")
            ->required();
        return sub;
    }

    void add_force(CLI::App* sub) {
        sub->add_flag("--force", values_.server.force,
                      "Do it even if no active or healthy server is left");
    }

    void add_wait(CLI::App* sub, const char* until) {
        sub->add_flag("--wait", values_.server.wait, until);
        sub->add_option("--timeout", values_.server.timeout, "The longest time to wait")
            ->type_name("DURATION")
            ->check([](const std::string& text) {
                return parse_duration(text)
                           ? std::string()
                           : "expected a duration such as 30s or 5m, found " + otto::quoted(text);
            })
            ->capture_default_str();
    }

    void add_looking() {
        command("status", "Show the status of Otto", status);
        command("servers", "List the servers", servers);
        server_command("show", "Show all details of servers", show);
        server_command("check-server", "Make Otto check servers now", check_server);
    }

    void add_watching() {
        Values& values = values_;
        CLI::App* top_command =
            command("top", "Monitor the servers", [&values](const Console& console) {
                Sort by = Sort::order;
                for (const auto& [name, sort] : sorts)
                    if (values.sort == name) by = sort;
                return top(console, {.sort = by, .once = values.top_once});
            });
        top_command->add_flag("--once", values_.top_once, "Print the table once");
        std::vector<std::string> names;
        for (const auto& [name, sort] : sorts) names.emplace_back(name);
        top_command->add_option("--sort", values_.sort, "The sort key")
            ->type_name("KEY")
            ->check(CLI::IsMember(names))
            ->capture_default_str();
        CLI::App* events_command =
            command("events", "Follow events",
                    [&values](const Console& console) { return events(console, values.events); });
        events_command
            ->add_option("--lines", values_.events.lines, "The number of past events to start with")
            ->type_name("N")
            ->capture_default_str();
        events_command->add_flag("--once", values_.events.once, "Print these and exit");
    }

    void add_new_server() {
        const ServerOptions& server = values_.server;
        CLI::App* sub = command("add", "Add servers",
                                [&server](const Console& console) { return add(console, server); });
        sub->add_option("url", values_.server.ids, "http://HOST[:PORT][/PATH] or unix:/PATH")
            ->type_name("URL")
            ->required();
        sub->add_option("--name", values_.server.name, "The display name")->type_name("NAME");
        sub->add_option("--weight", values_.server.weight, "Its share of the requests")
            ->type_name("N");
        sub->add_option("--max-connections", values_.server.max_connections,
                        "Maximum number of concurrent requests")
            ->type_name("N");
        sub->add_flag("--backup", values_.server.backup,
                      "Use only if no other server is available");
        add_wait(sub, "Wait until it is healthy");
    }

    void add_server_changes() {
        constexpr const char* drained = "Wait until the last request on it has ended";
        CLI::App* removing =
            server_command("remove", "Remove servers; their requests in progress finish", remove);
        add_force(removing);
        add_wait(removing, drained);
        CLI::App* draining = server_command("drain", "Stop sending new requests to servers", drain);
        add_force(draining);
        add_wait(draining, drained);
        add_wait(server_command("enable", "Send requests to servers again", enable),
                 "Wait until it is healthy");
        CLI::App* disabling = server_command(
            "disable", "Stop sending new requests and health checks to servers", disable);
        add_force(disabling);
        add_wait(disabling, drained);
        const ServerOptions& server = values_.server;
        CLI::App* weighing =
            command("weight", "Change the weight of servers",
                    [&server](const Console& console) { return weight(console, server); });
        weighing
            ->add_option("id", values_.server.ids,
                         "Their names, URLs or IDs, then the weight, from 0 to 1000; with 0 they "
                         "receive no new requests")
            ->type_name("ID... N")
            ->expected(2, -1)
            ->required();
        add_force(weighing);
    }

    void add_configuration() {
        Values& values = values_;
        command("reload", "Make Otto reload its configuration file", reload);
        CLI::App* checking =
            command("check", "Check a configuration file without contacting Otto",
                    [&values](const Console& console) { return check(console, values.file); });
        checking->add_option("file", values_.file, "The file")->type_name("FILE")->required();
        command("config", "Print the active configuration", config);
        CLI::App* setting =
            command("set", "Change configuration keys at run time",
                    [&values](const Console& console) { return set(console, values.keys); });
        setting
            ->add_option("assignment", values_.keys,
                         "Such as timeouts.connect=3s; null restores the default")
            ->type_name("KEY=VALUE")
            ->required();
        command("diff", "Show the changes made at run time", diff);
        CLI::App* dropping = command(
            "reset", "Discard the changes made at run time",
            [&values](const Console& console) { return reset(console, values.server.force); });
        add_force(dropping);
        CLI::App* writing = command(
            "apply", "Write the changes made at run time to the file",
            [&values](const Console& console) {
                return ctl::apply(
                    console, {.file = values.file, .port_follows_socket = values.port == "socket"});
            });
        writing->add_option("file", values_.file, "The file, if it is not the one that Otto uses")
            ->type_name("FILE");
        writing
            ->add_option("--port", values_.port,
                         "Which one to use if \"port\" and systemd's socket differ")
            ->type_name("file|socket")
            ->check(CLI::IsMember({"file", "socket"}))
            ->capture_default_str();
        command("token", "Print the token for changes over TCP", token);
    }

    CLI::App& app_;
    Values& values_;
};

/// The long options of these, as they are typed.
std::vector<std::string> options_of(std::initializer_list<const CLI::App*> apps) {
    std::vector<std::string> names;
    for (const CLI::App* app : apps) {
        if (app == nullptr) continue;
        for (const CLI::Option* option : app->get_options())
            for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
}

/// What stands where a command or an option is expected, and is none, with what may be meant; "".
std::string unknown_word(const CLI::App& app, int argc, char** argv) {
    const CLI::App* command = nullptr;
    for (int at = 1; at < argc; ++at) {
        const std::string word = argv[at];
        if (word == "--") return "";
        if (word.starts_with("--")) {
            const std::string name = word.substr(0, word.find('='));
            const std::vector<std::string> known = options_of({&app, command});
            if (std::ranges::find(known, name) == known.end())
                return fmt::format("there is no option {}{}", printable(name),
                                   did_you_mean(name, {known.begin(), known.end()}));
            if (word == "--socket") ++at;
        } else if (!word.starts_with('-') && command == nullptr) {
            std::vector<std::string_view> known;
            for (const CLI::App* each : app.get_subcommands(nullptr)) {
                if (each->get_name() == word) command = each;
                known.push_back(each->get_name());
            }
            if (command == nullptr)
                return fmt::format("there is no command {}{}", otto::quoted(word),
                                   did_you_mean(word, known));
        }
    }
    return "";
}

}  // namespace

Options parse_options(int argc, char** argv) {
    // Commands refer to it until they have run.
    const auto values = std::make_shared<Values>();
    CLI::App app{"Inspects and changes a running Otto.", "ottoctl"};
    Parser(app, *values).add_all();
    Options ended;
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wanted) {  // --help, --version
        std::ostringstream text;
        app.exit(wanted, text);
        ended.command = [all = text.str()](const Console& console) {
            return console.say(all, all);
        };
        return ended;
    } catch (const CLI::ParseError& error) {
        const std::string unknown = unknown_word(app, argc, argv);
        write_error(fmt::format("ottoctl: {}\nTry \"ottoctl --help\".",
                                unknown.empty() ? error.what() : unknown));
        ended.exit = Exit::usage;
        return ended;
    }
    Options options = values->options;
    options.command = [values](const Console& console) { return values->options.command(console); };
    return options;
}

}  // namespace otto::ctl
