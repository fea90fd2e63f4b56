// The exchange fuzzer: random clients and servers around the real otto, all played by one
// thread. Scripts follow from a seed; every byte of a body is known, so that both
// ends see what is lost, doubled, or of another exchange. HACKING.md says what must hold.
//
//   exchange_fuzzer [--seed N] [--seconds S] [--profile mixed|resets] [--otto PATH]
//
// OTTO_FUZZ_SEED and OTTO_FUZZ_SECONDS do the same, and OTTO names the program. Exit status 1: a
// rule was broken; stderr says which.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>

#include <fmt/format.h>
#include <getopt.h>

#include "round.h"

namespace {

using namespace exchanges;

struct Options {
    std::string otto;
    std::uint64_t seed = 0;
    double seconds = 12;
    std::optional<Profile> profile;  // both, when nothing is said
};

const char* variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
}

Options parse(int argc, char** argv) {
    Options options;
    options.seed = std::random_device{}();
    if (const char* otto = variable("OTTO")) options.otto = otto;
    if (const char* seed = variable("OTTO_FUZZ_SEED"))
        options.seed = std::strtoull(seed, nullptr, 0);
    if (const char* seconds = variable("OTTO_FUZZ_SECONDS")) options.seconds = std::atof(seconds);
    static const option known[] = {{"seed", required_argument, nullptr, 's'},
                                   {"seconds", required_argument, nullptr, 't'},
                                   {"profile", required_argument, nullptr, 'p'},
                                   {"otto", required_argument, nullptr, 'o'},
                                   {nullptr, 0, nullptr, 0}};
    for (int found = 0; (found = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
        switch (found) {
            case 's':
                options.seed = std::strtoull(optarg, nullptr, 0);
                break;
            case 't':
                options.seconds = std::atof(optarg);
                break;
            case 'p':
                options.profile =
                    std::string_view(optarg) == "resets" ? Profile::resets : Profile::mixed;
                break;
            case 'o':
                options.otto = optarg;
                break;
            default:
                std::exit(64);
        }
    }
    if (options.otto.empty()) fail("which otto? Say --otto PATH or OTTO=PATH");
    return options;
}

void print(const Tally& tally, double seconds) {
    std::string own;
    for (const auto& [status, count] : tally.own) own += fmt::format(" {}: {},", status, count);
    fmt::print(
        "{} exchanges in {:.0f} s: {} whole, {} cut, {} unanswered, answered by Otto:{} {} uploads "
        "arrived whole; injected: {} failures of servers, {} aborts of clients; "
        "{} further tries, {} reloads\n",
        tally.exchanges, seconds, tally.whole, tally.cut, tally.unanswered, own, tally.uploads,
        tally.failures, tally.aborts, tally.restarts, tally.reloads);
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    fmt::print("seed {}\n", options.seed);
    std::fflush(stdout);
    const auto seconds = [](double number) {
        return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(number));
    };
    const TimePoint begin = Clock::now();
    const auto passed = [begin] {
        return std::chrono::duration<double>(Clock::now() - begin).count();
    };
    const double length = std::clamp(options.seconds / 6, 0.5, 10.0);
    Tally sum;
    bool broken = false;
    for (std::uint64_t number = 0; passed() < options.seconds && !broken; ++number) {
        const Profile profile =
            options.profile.value_or(number % 2 == 0 ? Profile::resets : Profile::mixed);
        Round round({.otto = options.otto,
                     .seed = {.number = options.seed, .profile = profile},
                     .number = number,
                     .length = seconds(length),
                     .patience = std::chrono::seconds(60)});
        round.run();
        sum += round.ledger().tally();
        broken = round.ledger().violations() > 0;
        if (options.seconds > 60) print(sum, passed());
    }
    print(sum, passed());
    if (!broken && (sum.whole * 20 < sum.exchanges || sum.failures == 0)) {
        fmt::print(stderr, "VIOLATION: hardly any exchange came to its end\n");
        broken = true;
    }
    if (broken) fmt::print(stderr, "seed {} found {}", options.seed, "what stands above\n");
    return broken ? 1 : 0;
}
