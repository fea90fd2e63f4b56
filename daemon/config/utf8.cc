#include "config/utf8.h"

namespace otto {

std::size_t find_invalid_utf8(std::string_view text) {
    const auto byte = [text](std::size_t at) {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    for (std::size_t at = 0; at < text.size();) {
        const unsigned lead = byte(at);
        const std::size_t length = lead < 0x80   ? 1
                                   : lead < 0xc2 ? 0
                                   : lead < 0xe0 ? 2
                                   : lead < 0xf0 ? 3
                                   : lead < 0xf5 ? 4
                                                 : 0;
        if (length == 0) return at;
        // The second byte's range is narrower where a longer form, a surrogate or more than
        // U+10FFFF would follow.
        const unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
        if (length > 1 && (byte(at + 1) < low || byte(at + 1) > high)) return at;
        for (std::size_t next = 2; next < length; ++next)
            if ((byte(at + next) & 0xc0) != 0x80) return at;
        at += length;
    }
    return std::string_view::npos;
}

std::size_t unsafe_character(std::string_view text) {
    const auto byte = [text](std::size_t at) {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    const unsigned lead = byte(0);
    if (text.empty()) return 0;
    if (lead < 0x20 || lead == 0x7f) return 1;
    if (lead == 0xc2) return byte(1) >= 0x80 && byte(1) < 0xa0 ? 2 : 0;  // C1
    if (lead == 0xd8) return byte(1) == 0x9c ? 2 : 0;                    // U+061C
    if (lead != 0xe2) return 0;
    const unsigned last = byte(2);
    // U+200E, U+200F; U+2028 to U+202E
    if (byte(1) == 0x80)
        return last == 0x8e || last == 0x8f || (last >= 0xa8 && last <= 0xae) ? 3 : 0;
    return byte(1) == 0x81 && last >= 0xa6 && last <= 0xa9 ? 3 : 0;  // U+2066 to U+2069
}

unsigned code_point(std::string_view character) {
    const auto low = [character](std::size_t at) {
        return static_cast<unsigned char>(character[at]) & 0x3fu;
    };
    const auto lead = static_cast<unsigned char>(character[0]);
    if (character.size() == 1) return lead;
    if (character.size() == 2) return (lead & 0x1fu) << 6 | low(1);
    return (lead & 0xfu) << 12 | low(1) << 6 | low(2);
}

}  // namespace otto
