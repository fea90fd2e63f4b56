#include "config/values.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "config/units.h"
#include "config/wording.h"

namespace otto {

namespace {

bool in_range(const Key& key, std::uint64_t value) {
    return value >= key.min && value <= key.max;
}

std::string found(const Json& value, std::string_view source) {
    switch (value.kind) {
        case Json::Kind::object:
            return "an object";
        case Json::Kind::list:
            return fmt::format("a list of {}", value.children.size());
        case Json::Kind::null:
        case Json::Kind::boolean:
        case Json::Kind::number:
        case Json::Kind::string:
            break;
    }
    return shortened(value.spelling(source));
}

/// The words that the value may have been meant to be: numbers without a unit, other spellings of a
/// unit.
std::string suggestion(const Key& key, const Json& value, std::string_view source) {
    const bool is_string = value.kind == Json::Kind::string;
    if (!is_string && value.kind != Json::Kind::number) return "";
    const std::string_view text = is_string ? std::string_view(value.text) : value.spelling(source);
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto meant = [](std::string_view word) {
        return fmt::format("; did you mean {}?", word);
    };
    if (key.type == KeyType::choice || key.type == KeyType::log_target)
        return did_you_mean(text, key.choice_list());
    if (digits == 0) return "";
    const std::string_view number = text.substr(0, digits);
    const std::string_view rest = text.substr(digits);
    if (key.type == KeyType::duration && rest.empty()) {
        const auto seconds = parse_duration(std::string(number) + "s");
        const bool fits = seconds && in_range(key, static_cast<std::uint64_t>(seconds->count()));
        return fits ? meant(quoted(std::string(number) + "s")) : "";
    }
    if (key.type == KeyType::rate) {
        const auto unit = std::min(rest.find_first_of("kKmMbB"), rest.size());
        const char letter = unit == rest.size() ? 'B' : rest[unit];
        const std::string_view spelling = letter == 'k' || letter == 'K'   ? "KiB/s"
                                          : letter == 'm' || letter == 'M' ? "MiB/s"
                                                                           : "B/s";
        const std::string rate = std::string(number).append(spelling);
        const auto bytes = parse_rate(rate);
        return bytes && rate != text && in_range(key, *bytes) ? meant(quoted(rate)) : "";
    }
    if (key.type == KeyType::count && is_string && rest.empty()) {
        const auto count = parse_whole(number);
        return count && in_range(key, *count) ? meant(number) : "";
    }
    if (key.type == KeyType::status && !is_string && rest.empty()) return meant(quoted(number));
    if (key.type == KeyType::size && is_string) {
        const auto plain = parse_whole(number);
        if (rest.empty()) return plain && in_range(key, *plain) ? meant(number) : "";
        const auto unit = std::string_view("kKmMgG").find(rest.front());
        if (unit == std::string_view::npos) return "";
        const std::string size = fmt::format("{}{}iB", number, "KMG"[unit / 2]);
        const auto bytes = parse_size(size);
        return bytes && size != text && in_range(key, *bytes) ? meant(quoted(size)) : "";
    }
    return "";
}

}  // namespace

std::string expected(const Key& key) {
    const std::string range = key.max == 0 ? "" : " from " + key.range();
    switch (key.type) {
        case KeyType::object:
            return "an object";
        case KeyType::count:
            return "a whole number" + range;
        case KeyType::size:
            return "a size" + range + R"(, such as 65536 or "64KiB")";
        case KeyType::duration:
            return "a duration" + range + R"(, such as "500ms" or "5s")";
        case KeyType::rate:
            return "a rate" + range + R"(, such as "240B/s" or 0)";
        case KeyType::boolean:
            return "true or false";
        case KeyType::choice:
            return alternatives(key.choice_list());
        case KeyType::path:
            return R"(a path such as "/health")";
        case KeyType::host:
            return R"("" or a host such as "app.example" or "app.example:8080")";
        case KeyType::status:
            return "a status or a range of them" + range + R"(, such as "200" or "200-399")";
        case KeyType::text:
            return "a string of " + key.range() + " bytes without control characters";
        case KeyType::token:
            return "a name of " + key.range() + " letters, digits and any of !#$%&'*+-.^_`|~";
        case KeyType::local_listens:
            return R"(":PORT", "127.0.0.1:PORT", "[::1]:PORT", "unix:/PATH" or a list of )" +
                   key.range() + " of these";
        case KeyType::log_target:
            return R"("off", "journal", "stdout" or the absolute path of a file)";
        case KeyType::fraction:
            return "a number" + range;
        case KeyType::server_url:
            return R"("http://HOST[:PORT][/PATH]" or "unix:/PATH")";
        case KeyType::listens:
            return R"(":PORT", "ADDRESS:PORT" or a list of )" + key.range() + " of these";
        case KeyType::servers:
            return "a list of " + key.range() + " servers";
        case KeyType::cidrs:
            return "a list of " + key.range() + R"( ranges such as "10.0.0.0/8")";
        case KeyType::statuses:
            return "a list of " + key.range() + " statuses from 500 to 599";
    }
    return "";
}

std::string mismatch(const Key& key, const Json& value, std::string_view source) {
    return mismatch(expected(key), value, source, "") + suggestion(key, value, source);
}

std::string mismatch(std::string_view what, const Json& value, std::string_view source,
                     std::string_view reason) {
    return fmt::format("expected {}, found {}{}{}", what, found(value, source),
                       reason.empty() ? "" : ": ", reason);
}

std::optional<std::uint64_t> as_count(const Key& key, const Json& value, std::string_view source) {
    if (value.kind != Json::Kind::number) return std::nullopt;
    const auto count = parse_whole(value.spelling(source));
    return count && in_range(key, *count) ? count : std::nullopt;
}

std::optional<Bytes> as_size(const Key& key, const Json& value, std::string_view source) {
    if (value.kind != Json::Kind::string) return as_count(key, value, source);
    const auto size = parse_size(value.text);
    return size && in_range(key, *size) ? size : std::nullopt;
}

std::optional<Bytes> as_rate(const Key& key, const Json& value, std::string_view source) {
    if (value.kind != Json::Kind::string) return as_count(key, value, source);
    const auto rate = parse_rate(value.text);
    return rate && in_range(key, *rate) ? rate : std::nullopt;
}

std::optional<Duration> as_duration(const Key& key, const Json& value) {
    if (value.kind != Json::Kind::string) return std::nullopt;
    const auto duration = parse_duration(value.text);
    if (!duration || !in_range(key, static_cast<std::uint64_t>(duration->count())))
        return std::nullopt;
    return duration;
}

std::optional<bool> as_boolean(const Json& value, std::string_view source) {
    if (value.kind != Json::Kind::boolean) return std::nullopt;
    return value.spelling(source) == "true";
}

std::optional<double> as_fraction(const Key& key, const Json& value, std::string_view source) {
    if (value.kind != Json::Kind::number) return std::nullopt;
    const std::string_view text = value.spelling(source);
    double number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
    const bool fits =
        number >= static_cast<double>(key.min) && number <= static_cast<double>(key.max);
    return fits ? std::optional(number) : std::nullopt;
}

std::optional<std::size_t> as_choice(const Key& key, const Json& value) {
    if (value.kind != Json::Kind::string) return std::nullopt;
    const auto choices = key.choice_list();
    const auto chosen = std::find(choices.begin(), choices.end(), value.text);
    if (chosen == choices.end()) return std::nullopt;
    return static_cast<std::size_t>(chosen - choices.begin());
}

std::optional<std::pair<unsigned, unsigned>> as_status(const Key& key, const Json& value) {
    if (value.kind != Json::Kind::string) return std::nullopt;
    const std::string_view text = value.text;
    const auto dash = std::min(text.find('-'), text.size());
    const auto low = parse_whole(text.substr(0, dash));
    const auto high = dash == text.size() ? low : parse_whole(text.substr(dash + 1));
    if (!low || !high || !in_range(key, *low) || !in_range(key, *high) || *low > *high)
        return std::nullopt;
    return std::pair(static_cast<unsigned>(*low), static_cast<unsigned>(*high));
}

}  // namespace otto
