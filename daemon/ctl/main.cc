// ottoctl(1): a thin client of the admin API.

#include <cstdlib>

#include "ctl/options.h"

int main(int argc, char** argv) {
    const otto::ctl::Options options = otto::ctl::parse_options(argc, argv);
    if (!options.command) return static_cast<int>(options.exit);
    const char* token = std::getenv("OTTO_TOKEN");
    const otto::ctl::Console console({options.socket, token == nullptr ? "" : token}, options.json);
    return static_cast<int>(options.command(console));
}
