#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace exchanges {

/// One step of splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
constexpr std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    return mix(mix(a) ^ b);
}

/// Random numbers that a seed determines, on any machine.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(mix(seed)) {}

    std::uint64_t next() { return mix(state_++); }
    /// 0 to `count` - 1.
    std::uint64_t below(std::uint64_t count) { return next() % count; }
    /// `least` to `most`.
    std::uint64_t between(std::uint64_t least, std::uint64_t most) {
        return least + below(most - least + 1);
    }
    /// True so many times in 1,000.
    bool chance(unsigned permille) { return below(1000) < permille; }
    template <typename T>
    T pick(std::initializer_list<T> list) {
        return list.begin()[below(list.size())];
    }
    /// 0, or up to `most`, where each power of two is as likely as the next.
    std::uint64_t up_to_log(std::uint64_t most) {
        std::uint64_t top = 1;
        unsigned powers = 1;
        for (; top < most; top *= 2) ++powers;
        return std::min(below((std::uint64_t{1} << below(powers + 1))), most);
    }

  private:
    std::uint64_t state_;
};

/// The bytes of one body: each is a function of the body's key and its offset, so that a byte that
/// was lost, doubled, moved, or belongs to another body does not fit.
class Marker {
  public:
    explicit Marker(std::uint64_t key = 0) : key_(key) {}

    void append(std::string& out, std::uint64_t from, std::uint64_t count) const;
    /// How many of `bytes` are those of the body from this offset on.
    std::size_t matching(std::uint64_t from, std::string_view bytes) const;
    /// So many letters, for the value of a field.
    std::string letters(std::uint64_t count) const;

  private:
    std::uint64_t word(std::uint64_t index) const { return mix(key_ + index); }
    char byte(std::uint64_t at) const {
        return static_cast<char>(word(at / 8) >> (at % 8 * 8) & 0xff);
    }

    std::uint64_t key_;
};

}  // namespace exchanges
