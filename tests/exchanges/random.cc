#include "random.h"

#include <algorithm>
#include <cstring>

namespace exchanges {

void Marker::append(std::string& out, std::uint64_t from, std::uint64_t count) const {
    const std::uint64_t end = from + count;
    while (from < end) {
        if (from % 8 != 0 || end - from < 8) {
            out.push_back(byte(from++));
            continue;
        }
        const std::uint64_t whole = word(from / 8);
        out.append(reinterpret_cast<const char*>(&whole), sizeof whole);
        from += sizeof whole;
    }
}

std::size_t Marker::matching(std::uint64_t from, std::string_view bytes) const {
    std::size_t at = 0;
    while (at < bytes.size()) {
        const std::uint64_t offset = from + at;
        if (offset % 8 == 0 && bytes.size() - at >= 8) {
            const std::uint64_t whole = word(offset / 8);
            if (std::memcmp(&whole, &bytes[at], sizeof whole) == 0) {
                at += sizeof whole;
                continue;
            }
        }
        if (bytes[at] != byte(offset)) break;
        ++at;
    }
    return at;
}

std::string Marker::letters(std::uint64_t count) const {
    std::string text;
    append(text, 0, count);
    for (char& c : text) c = static_cast<char>('a' + static_cast<unsigned char>(c) % 26);
    return text;
}

}  // namespace exchanges
