// ottoctl(1): a thin client of the admin API.

#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

#include "ctl/options.h"

namespace {

/// Whoever starts this may have closed these: no socket is to get their numbers. Each is open the
/// wrong way round, so that writing to stdout fails.
void fill_standard_files() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(fd, F_GETFD) < 0)
            (void)::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

}  // namespace

int main(int argc, char** argv) {
    fill_standard_files();
    const otto::ctl::Options options = otto::ctl::parse_options(argc, argv);
    if (!options.command) return static_cast<int>(options.exit);
    const char* token = std::getenv("OTTO_TOKEN");
    const otto::ctl::Console console({options.socket, token == nullptr ? "" : token}, options.json);
    return static_cast<int>(options.command(console));
}
