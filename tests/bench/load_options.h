#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include <netinet/in.h>

namespace bench {

/// The command line of bench_load; load.cc says what each means.
struct Options {
    sockaddr_in server{};
    std::string host;
    std::string path = "/";
    std::uint64_t expect = 0;
    std::size_t connections = 64;
    double seconds = 2;
    double warm_up = 0.3;
    double rate = 0;
    bool browser = false;
    bool idle = false;
    bool new_connections = false;
    std::uint64_t upload = 0;
    std::vector<clockid_t> cpu_of;
};

/// Ends the process when the command line is wrong.
Options parse_options(int argc, char** argv);

/// What each connection sends before the body.
std::string request_head(const Options& options);

}  // namespace bench
