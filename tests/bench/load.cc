// The load client of the benchmark: one thread, HTTP/1.1 over TCP, exact about every reply.
//
//   bench_load --server ADDRESS:PORT --path P --expect BYTES [options]
//
//   --connections N     how many at once (64)
//   --seconds S         measured, after --warm-up S (2, 0.3); both end when the last reply is there
//   --rate R            open loop: requests are due at fixed times; when every connection is busy a
//                       request waits, and its latency counts from when it was due, so that a
//                       stall costs as much as it would cost users (no coordinated omission).
//                       Without: closed loop, each connection sends when its reply is complete
//   --browser           a request head like a browser's: 12 fields, about 1 KiB
//   --upload BYTES      POST with that body
//   --new-connections   a connection for each request
//   --idle              one request on each connection, then hold all of them: says "idle" on
//                       stdout, and goes on when stdin ends
//   --cpu-of PID        add this process's CPU time over the measured part to the result;
//   repeatable
//
// Prints one line of JSON. Every reply must have status 200 and the expected length; whatever went
// wrong is counted under "errors" by its kind: connect, status, length, short (ended or reset
// before its reply was complete), closed (a kept connection was closed, or was about to be),
// timeout.
#include <csignal>

#include <sys/prctl.h>
#include <sys/resource.h>

#include "load_loop.h"
#include "load_options.h"

namespace {

using bench::Nanoseconds;

Nanoseconds cpu_time(const bench::Options& options) {
    Nanoseconds sum = 0;
    for (const clockid_t clock : options.cpu_of) sum += bench::read_clock(clock);
    return sum;
}

}  // namespace

int main(int argc, char** argv) {
    const bench::Options options = bench::parse_options(argc, argv);
    std::signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1UL);  // the kernel's default would put off each due request by 50 µs
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    bench::Load load(options);
    if (!options.idle && options.warm_up > 0) load.run(options.warm_up);
    const Nanoseconds before = cpu_time(options);
    if (options.idle) {
        load.hold();
    } else if (!load.failed()) {
        load.run(options.seconds);
    }
    load.report(cpu_time(options) - before);
}
