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

}  // namespace otto
