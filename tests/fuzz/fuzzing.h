#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

/// What the targets of this folder share. A target defines LLVMFuzzerTestOneInput; linked with
/// libFuzzer it is a fuzzer, with replay.cc a test that replays a corpus. An input is nothing but
/// the bytes of a message, so that corpora can be read and written by hand; what else varies (how
/// the bytes arrive, limits) is drawn from a hash of them.
namespace otto::fuzz {

[[noreturn]] inline void fail(const char* what, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    std::abort();
}

/// The input's bytes in a block of exactly that size, so that AddressSanitizer sees every read
/// beyond it.
class Bytes {
  public:
    Bytes(const std::uint8_t* data, std::size_t size) : bytes_(data, data + size) {}
    explicit Bytes(std::string_view text) : bytes_(text.begin(), text.end()) {}

    std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

  private:
    std::vector<char> bytes_;
};

/// Numbers that depend on the input alone (xorshift64* seeded by FNV-1a).
class Draw {
  public:
    explicit Draw(std::string_view input) {
        for (const char c : input) state_ = (state_ ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
        if (state_ == 0) state_ = 1;
    }

    /// Below `limit`, which is not 0.
    std::size_t below(std::size_t limit) {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return static_cast<std::size_t>((state_ * 0x2545f4914f6cdd1d) >> 33) % limit;
    }

    /// From 1 to `largest`, mostly small; at least 1.
    std::size_t step(std::size_t largest) {
        const std::size_t bound = below(4) == 0 ? largest : std::min<std::size_t>(largest, 8);
        return 1 + below(std::max<std::size_t>(bound, 1));
    }

  private:
    std::uint64_t state_ = 0xcbf29ce484222325;
};

}  // namespace otto::fuzz

#define OTTO_HOLDS(condition) \
    ((condition) ? void() : ::otto::fuzz::fail(#condition, __FILE__, __LINE__))
#define OTTO_NEVER(what) ::otto::fuzz::fail("never: " what, __FILE__, __LINE__)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
