#include "cost/counted_steps.h"

#include <cstddef>
#include <cstring>

namespace {

std::uint64_t steps = 0;

/// How many bytes of a search were looked at.
std::size_t searched(const void* begin, const void* found, std::size_t length) {
    return found == nullptr ? length
                            : static_cast<std::size_t>(static_cast<const char*>(found) -
                                                       static_cast<const char*>(begin)) +
                                  1;
}

}  // namespace

std::uint64_t otto::counted_steps() {
    return steps;
}

extern "C" {

// Called at each basic block.
void __sanitizer_cov_trace_pc() {
    ++steps;
}

// The linker puts these in the place of libc's (--wrap).
void* __real_memchr(const void* bytes, int wanted, std::size_t length);
void* __real_memrchr(const void* bytes, int wanted, std::size_t length);
void* __real_memmem(const void* bytes, std::size_t length, const void* wanted, std::size_t size);
int __real_memcmp(const void* left, const void* right, std::size_t length);
void* __real_memcpy(void* to, const void* from, std::size_t length);
void* __real_memmove(void* to, const void* from, std::size_t length);

void* __wrap_memchr(const void* bytes, int wanted, std::size_t length) {
    void* const found = __real_memchr(bytes, wanted, length);
    steps += searched(bytes, found, length);
    return found;
}

void* __wrap_memrchr(const void* bytes, int wanted, std::size_t length) {
    void* const found = __real_memrchr(bytes, wanted, length);
    steps += found == nullptr ? length : length + 1 - searched(bytes, found, length);
    return found;
}

void* __wrap_memmem(const void* bytes, std::size_t length, const void* wanted, std::size_t size) {
    void* const found = __real_memmem(bytes, length, wanted, size);
    steps += searched(bytes, found, length);
    return found;
}

int __wrap_memcmp(const void* left, const void* right, std::size_t length) {
    const auto* const a = static_cast<const unsigned char*>(left);
    const auto* const b = static_cast<const unsigned char*>(right);
    std::size_t same = 0;
    while (same < length && a[same] == b[same]) ++same;
    steps += same + 1;
    return __real_memcmp(left, right, length);
}

void* __wrap_memcpy(void* to, const void* from, std::size_t length) {
    steps += length;
    return __real_memcpy(to, from, length);
}

void* __wrap_memmove(void* to, const void* from, std::size_t length) {
    steps += length;
    return __real_memmove(to, from, length);
}

}  // extern "C"
