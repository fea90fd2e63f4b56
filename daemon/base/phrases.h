#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace otto {

/// "1 server", "3 servers": a count in a message for people. The plural of `noun` ends in an s.
inline std::string counted(std::uint64_t count, std::string_view noun) {
    return std::to_string(count).append(" ").append(noun).append(count == 1 ? "" : "s");
}

/// What an error number of a socket means, as a reason within a sentence: "connection refused".
inline std::string error_text(int number) {
    std::string text = std::strerror(number);
    const bool word = text.size() > 1 && text[1] >= 'a' && text[1] <= 'z';
    if (word && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
    return text;
}

}  // namespace otto
