#pragma once

#include <string>
#include <variant>
#include <vector>

namespace otto {

/// What the command line asks of otto(8).
struct Options {
    std::string config = "/etc/otto/config.json";  // with servers: what messages call them
    std::vector<std::string> servers{};            // instead of a file
    std::string port{};                            // for these
    bool check = false;                            // check the file and exit
    bool reload = false;                           // have the running Otto reload, and wait for it
    bool print_schema = false;                     // print the JSON Schema of the file and exit
    bool version = false;                          // print the version and exit
};

/// The options, or the code to exit with at once: 0 after --help has been answered on stdout, 64
/// (EX_USAGE) after a command line that makes no sense has been complained about on stderr.
std::variant<Options, int> parse_options(int argc, const char* const* argv);

}  // namespace otto
