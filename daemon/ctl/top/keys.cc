#include "ctl/top/keys.h"

#include <optional>

namespace otto::ctl {

namespace {

constexpr std::size_t longest_sequence = 32;

/// "\x1b[A" or "\x1bOA" has the final "A", "\x1b[5~" the final "~" and the parameter "5".
std::optional<Key> key_of(std::string_view parameters, char final) {
    if (final == 'A') return Key::up;
    if (final == 'B') return Key::down;
    if (final == 'H') return Key::home;
    if (final == 'F') return Key::end;
    if (final != '~') return std::nullopt;
    if (parameters == "5") return Key::page_up;
    if (parameters == "6") return Key::page_down;
    if (parameters == "1" || parameters == "7") return Key::home;
    if (parameters == "4" || parameters == "8") return Key::end;
    return std::nullopt;
}

}  // namespace

std::vector<KeyPress> KeyReader::feed(std::string_view bytes) {
    std::vector<KeyPress> keys;
    rest_ += bytes;
    std::size_t at = 0;
    while (at < rest_.size()) {
        const bool begun = rest_[at] == '\x1b' && at + 1 < rest_.size();
        if (!begun || (rest_[at + 1] != '[' && rest_[at + 1] != 'O')) {
            if (rest_[at] == '\x1b' && !begun) break;
            if (rest_[at] != '\x1b') keys.push_back({Key::character, rest_[at]});
            ++at;
            continue;
        }
        const std::size_t end = rest_.find_first_not_of("0123456789;", at + 2);
        if (end == std::string::npos) break;
        const auto parameters = std::string_view(rest_).substr(at + 2, end - at - 2);
        if (const auto key = key_of(parameters, rest_[end])) keys.push_back({*key, '\0'});
        at = end + 1;
    }
    rest_.erase(0, at);
    if (rest_.size() > longest_sequence) rest_.clear();
    return keys;
}

}  // namespace otto::ctl
