#include "load_options.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <getopt.h>

#include "sockets.h"

namespace bench {
namespace {

std::uint64_t number(const char* text) {
    std::uint64_t value = 0;
    const char* end = text + std::strlen(text);
    const auto result = std::from_chars(text, end, value);
    if (result.ec != std::errc{} || result.ptr != end) fail(fmt::format("not a number: {}", text));
    return value;
}

void set_server(Options& options, const std::string& text) {
    const auto colon = text.rfind(':');
    options.host = text;
    options.server.sin_family = AF_INET;
    if (colon == std::string::npos ||
        inet_pton(AF_INET, text.substr(0, colon).c_str(), &options.server.sin_addr) != 1) {
        fail("--server wants ADDRESS:PORT");
    }
    options.server.sin_port = htons(static_cast<std::uint16_t>(number(&text[colon + 1])));
}

}  // namespace

Options parse_options(int argc, char** argv) {
    static const option known[] = {{"server", required_argument, nullptr, 's'},
                                   {"path", required_argument, nullptr, 'p'},
                                   {"expect", required_argument, nullptr, 'e'},
                                   {"connections", required_argument, nullptr, 'c'},
                                   {"seconds", required_argument, nullptr, 't'},
                                   {"warm-up", required_argument, nullptr, 'w'},
                                   {"rate", required_argument, nullptr, 'r'},
                                   {"browser", no_argument, nullptr, 'b'},
                                   {"upload", required_argument, nullptr, 'u'},
                                   {"new-connections", no_argument, nullptr, 'n'},
                                   {"idle", no_argument, nullptr, 'i'},
                                   {"cpu-of", required_argument, nullptr, 'o'},
                                   {nullptr, 0, nullptr, 0}};
    Options options;
    for (int found = 0; (found = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
        switch (found) {
            case 's':
                set_server(options, optarg);
                break;
            case 'p':
                options.path = optarg;
                break;
            case 'e':
                options.expect = number(optarg);
                break;
            case 'c':
                options.connections = number(optarg);
                break;
            case 't':
                options.seconds = std::atof(optarg);
                break;
            case 'w':
                options.warm_up = std::atof(optarg);
                break;
            case 'r':
                options.rate = std::atof(optarg);
                break;
            case 'b':
                options.browser = true;
                break;
            case 'u':
                options.upload = number(optarg);
                break;
            case 'n':
                options.new_connections = true;
                break;
            case 'i':
                options.idle = true;
                break;
            case 'o': {
                clockid_t clock = 0;
                if (clock_getcpuclockid(static_cast<pid_t>(number(optarg)), &clock) != 0) {
                    fail(fmt::format("no process {}", optarg));
                }
                options.cpu_of.push_back(clock);
                break;
            }
            default:
                std::exit(64);
        }
    }
    if (optind != argc || options.host.empty()) fail("--server is missing, or too many arguments");
    return options;
}

std::string request_head(const Options& options) {
    std::string head =
        fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", options.upload != 0 ? "POST" : "GET",
                    options.path, options.host);
    if (options.browser) {
        head +=
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,"
            "image/webp,image/png,image/svg+xml,*/*;q=0.8\r\n"
            "Accept-Language: de-DE,de;q=0.8,en-GB;q=0.6,en-US;q=0.4,en;q=0.2\r\n"
            "Accept-Encoding: gzip, deflate, br, zstd\r\n"
            "Referer: http://shop.example/catalogue/books?sort=price&page=3\r\n"
            "Cookie: ";
        for (int i = 1; i <= 5; ++i) {
            head +=
                fmt::format("{}preference_{}={:0>64x}", i == 1 ? "" : "; ", i, i * 0x9e3779b9LL);
        }
        head +=
            "\r\nUpgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\n"
            "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n"
            "Priority: u=0, i\r\n";
    } else {
        head += "User-Agent: bench\r\nAccept: */*\r\n";
    }
    if (options.upload != 0) head += fmt::format("Content-Length: {}\r\n", options.upload);
    if (options.new_connections) head += "Connection: close\r\n";
    return head + "\r\n";
}

}  // namespace bench
