#include "base/process.h"

#include <charconv>
#include <memory>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/handle.h"

namespace otto {

namespace {

/// The fields of proc_pid_stat(5) that are read, counted from the one behind the name.
constexpr int threads_field = 17;
constexpr int virtual_field = 20;
constexpr int resident_field = 21;

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

void read_stat(ProcessUse& use) {
    const UniqueFd file(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
    char buffer[1024];
    const ssize_t length = file ? ::read(file.get(), buffer, sizeof buffer) : 0;
    if (length <= 0) return;
    std::string_view text(buffer, static_cast<std::size_t>(length));
    // The name, in brackets, may have spaces and brackets itself.
    const std::size_t name_end = text.rfind(") ");
    if (name_end == std::string_view::npos) return;
    text.remove_prefix(name_end + 2);
    for (int field = 0; !text.empty(); ++field) {
        const std::string_view word = text.substr(0, text.find(' '));
        if (field == threads_field) use.threads = number(word);
        if (field == virtual_field) use.virtual_size = number(word);
        if (field == resident_field)
            use.resident = number(word) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        text.remove_prefix(std::min(word.size() + 1, text.size()));
    }
}

std::uint64_t count_files() {
    struct stat folder {};
    // Since Linux 6.2 the folder's size is the number of its entries; before, it is zero.
    if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0)
        return static_cast<std::uint64_t>(folder.st_size);
    const std::unique_ptr<DIR, Deleter<closedir>> files(::opendir("/proc/self/fd"));
    if (!files) return 0;
    std::uint64_t count = 0;
    while (const dirent* entry = ::readdir(files.get()))
        if (entry->d_name[0] != '.') ++count;
    return count == 0 ? 0 : count - 1;  // one is the folder's own
}

}  // namespace

ProcessUse read_process() {
    ProcessUse use;
    read_stat(use);
    use.open_files = count_files();
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY)
        use.most_files = files.rlim_cur;
    timespec cpu{};
    if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0)
        use.cpu = std::chrono::seconds(cpu.tv_sec) + std::chrono::nanoseconds(cpu.tv_nsec);
    return use;
}

}  // namespace otto
