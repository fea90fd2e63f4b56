#include "base/cpus.h"

#include <algorithm>
#include <fstream>
#include <string>

#include <sched.h>

namespace otto {

namespace {

/// The CPUs that cpu.max of one cgroup (v2) allows; 0: it sets no limit.
unsigned quota_of(const std::string& folder) {
    std::ifstream file(folder + "/cpu.max");
    double quota = 0;  // "max PERIOD" does not read as a number
    double period = 0;
    if (!(file >> quota >> period) || period <= 0) return 0;
    return std::max(1U, static_cast<unsigned>((quota + period - 1) / period));
}

std::string own_cgroup() {
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("0::")) return line.substr(3);
    return {};
}

}  // namespace

unsigned usable_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    unsigned count = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        count = static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
    for (std::string path = own_cgroup(); !path.empty(); path.resize(path.rfind('/'))) {
        const unsigned quota = quota_of("/sys/fs/cgroup" + path);
        if (quota != 0) count = std::min(count, quota);
    }
    return count;
}

}  // namespace otto
