// Counts heap allocations by call stack and thread, for test_steady_state.py.
//
// Preloaded (LD_PRELOAD) into the program under test, which knows nothing of it. The counts lie in
// the file that COUNT_ALLOCATIONS_INTO names; whoever maps that file reads them at any time,
// without a word to the program. Who is to blame for a stack, and what its frames are called, is
// the reader's to find out: from /proc/PID/maps and the objects' symbols.
//
// What counts: malloc, calloc, realloc, reallocarray and the aligned ones. libstdc++'s operator new
// and the C library's own (strdup, getline, …) come by these. One lock serialises all threads: this
// is for counting, not for measuring time.
//
// The file's layout is Table; all numbers are the machine's own. A site with a count is complete.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mutex>

#include <execinfo.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

// The allocator itself: glibc keeps these names for those who replace the public ones.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

constexpr std::size_t max_frames = 30;
constexpr std::size_t max_sites = 1 << 14;  // a power of two

struct Site {
    std::atomic<std::uint64_t> count;
    std::uint32_t thread;
    std::uint32_t depth;
    void* frames[max_frames];  // return addresses, the innermost first
};

struct Table {
    std::atomic<std::uint64_t> lost;  // allocations that found no place
    Site sites[max_sites];            // a hash table with open addressing
};
static_assert(sizeof(Site) == 256 && sizeof(Table) == 8 + 256 * max_sites);

Table* table = nullptr;  // written before the program has threads
std::mutex mutex;        // for writing to the table
// Not to count what counting allocates. Of a model that needs no memory at its first use.
thread_local bool counting __attribute__((tls_model("initial-exec"))) = false;

bool same(const Site& site, std::uint32_t thread, void* const* frames, std::size_t depth) {
    if (site.thread != thread || site.depth != depth) return false;
    for (std::size_t i = 0; i < depth; ++i)
        if (site.frames[i] != frames[i]) return false;
    return true;
}

/// Where this stack is counted; a new one is made. Null when the table is full.
Site* find(std::uint32_t thread, void* const* frames, std::size_t depth) {
    std::uint64_t hash = thread;
    for (std::size_t i = 0; i < depth; ++i)
        hash = (hash ^ reinterpret_cast<std::uintptr_t>(frames[i])) * 0x9e3779b97f4a7c15U;
    for (std::size_t step = 0; step < max_sites; ++step) {
        Site& site = table->sites[((hash >> 40) + step) % max_sites];
        if (site.depth == 0) {
            site.thread = thread;
            site.depth = static_cast<std::uint32_t>(depth);
            for (std::size_t i = 0; i < depth; ++i) site.frames[i] = frames[i];
            return &site;
        }
        if (same(site, thread, frames, depth)) return &site;
    }
    return nullptr;
}

__attribute__((noinline)) void count() {
    if (table == nullptr || counting) return;
    const int before = errno;
    counting = true;
    void* frames[max_frames];
    const int depth = backtrace(frames, max_frames);
    if (depth > 0) {
        const std::lock_guard lock(mutex);
        Site* site =
            find(static_cast<std::uint32_t>(gettid()), frames, static_cast<std::size_t>(depth));
        (site == nullptr ? table->lost : site->count).fetch_add(1, std::memory_order_release);
    }
    counting = false;
    errno = before;
}

__attribute__((constructor)) void start() {
    const char* path = std::getenv("COUNT_ALLOCATIONS_INTO");
    if (path == nullptr) return;
    counting = true;
    void* frame = nullptr;
    backtrace(&frame, 1);  // loads the unwinder, which allocates
    // Emptied: a shell that executes the program in its own place has been here before.
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof(Table)) != 0) std::abort();
    void* mapped = mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) std::abort();
    close(file);
    table = static_cast<Table*>(mapped);
    counting = false;
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) noexcept {
    count();
    return __libc_malloc(size);
}

void* calloc(std::size_t number, std::size_t size) noexcept {
    count();
    return __libc_calloc(number, size);
}

void* realloc(void* block, std::size_t size) noexcept {
    count();
    return __libc_realloc(block, size);
}

void* reallocarray(void* block, std::size_t number, std::size_t size) noexcept {
    std::size_t bytes = 0;
    if (__builtin_mul_overflow(number, size, &bytes)) {
        errno = ENOMEM;
        return nullptr;
    }
    count();
    return __libc_realloc(block, bytes);
}

void* memalign(std::size_t alignment, std::size_t size) noexcept {
    count();
    return __libc_memalign(alignment, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
    const bool power_of_two = (alignment & (alignment - 1)) == 0;
    if (alignment == 0 || alignment % sizeof(void*) != 0 || !power_of_two) return EINVAL;
    count();
    void* made = __libc_memalign(alignment, size);
    if (made == nullptr) return ENOMEM;
    *block = made;
    return 0;
}

}  // extern "C"
