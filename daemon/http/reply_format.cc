#include "http/reply_format.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "http/characters.h"
#include "http/fields.h"

namespace otto::http {

namespace {

constexpr unsigned full_quality = 1000;
constexpr std::size_t most_ranges = 64;
constexpr std::size_t longest_range = 256;

/// One element of an Accept field that may mean a format of Otto's.
struct MediaRange {
    std::string_view type;            // with its subtype
    unsigned quality = full_quality;  // in thousandths
};

/// How closely a range names a format; the exact names are alike when formats are compared.
enum Closeness : unsigned { not_at_all, anything, whole_type, related, exact };

/// What a field says about one format.
struct Preference {
    ReplyFormat format;
    Closeness closeness = not_at_all;
    unsigned quality = 0;
    std::size_t place = 0;  // of the element that decides
};

/// The first `wanted` in `text` outside of quoted strings, or its end.
std::size_t find_unquoted(std::string_view text, char wanted) {
    bool quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (quoted && text[at] == '\\') {
            ++at;
        } else if (text[at] == '"') {
            quoted = !quoted;
        } else if (!quoted && text[at] == wanted) {
            return at;
        }
    }
    return text.size();
}

/// Cuts what stands before the next unquoted `separator` off `text`, and that separator.
std::string_view take_until(std::string_view& text, char separator) {
    const std::size_t end = find_unquoted(text, separator);
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return trim(part);
}

/// qvalue, RFC 9110 §12.4.2: "0" to "1" with up to three decimals.
std::optional<unsigned> parse_quality(std::string_view text) {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
    if (text.size() > 1 && text[1] != '.') return std::nullopt;
    unsigned quality = text[0] == '1' ? full_quality : 0;
    unsigned weight = 100;
    for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
        if (!is_digit(static_cast<unsigned char>(c))) return std::nullopt;
        quality += weight * static_cast<unsigned>(c - '0');
        weight /= 10;
    }
    if (quality > full_quality) return std::nullopt;
    return quality;
}

bool is_quoted(std::string_view text) {
    return text.size() >= 2 && text.front() == '"' && text.back() == '"';
}

bool is_our_charset(std::string_view name, std::string_view value) {
    if (is_quoted(value)) value = value.substr(1, value.size() - 2);
    return equal_ignoring_case(name, "charset") && equal_ignoring_case(value, "utf-8");
}

/// Nothing for what is malformed, and for ranges whose parameters Otto's formats do not have.
std::optional<MediaRange> parse_range(std::string_view element) {
    MediaRange range;
    range.type = take_until(element, ';');
    bool weighed = false;
    while (!element.empty()) {
        const std::string_view parameter = take_until(element, ';');
        if (parameter.empty()) continue;
        const std::size_t equals = parameter.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const std::string_view name = parameter.substr(0, equals);
        const std::string_view value = parameter.substr(equals + 1);
        if (!is_token(name) || (!is_token(value) && !is_quoted(value))) return std::nullopt;
        if (weighed) continue;  // an extension of RFC 7231's Accept, which asks for nothing
        if (equal_ignoring_case(name, "q")) {
            const auto quality = parse_quality(value);
            if (!quality) return std::nullopt;
            range.quality = *quality;
            weighed = true;
        } else if (!is_our_charset(name, value)) {
            return std::nullopt;
        }
    }
    return range;
}

Closeness closeness(std::string_view range, ReplyFormat format) {
    const auto is = [range](std::string_view name) { return equal_ignoring_case(range, name); };
    if (is("*/*")) return anything;
    switch (format) {
        case ReplyFormat::text:
            return is("text/plain") ? exact : is("text/*") ? whole_type : not_at_all;
        case ReplyFormat::html:
            return is("text/html") ? exact : is("text/*") ? whole_type : not_at_all;
        case ReplyFormat::json:
            if (is("application/problem+json")) return exact;
            if (is("application/json")) return related;
            return is("application/*") ? whole_type : not_at_all;
    }
    return not_at_all;
}

/// The closest range decides, even when it refuses.
void weigh(Preference& preference, const MediaRange& range, std::size_t place) {
    const Closeness close = closeness(range.type, preference.format);
    if (close == not_at_all || close < preference.closeness) return;
    if (close == preference.closeness && range.quality <= preference.quality) return;
    preference.closeness = close;
    preference.quality = range.quality;
    preference.place = place;
}

bool better(const Preference& left, const Preference& right) {
    if (left.quality != right.quality) return left.quality > right.quality;
    const Closeness left_close = std::min(left.closeness, related);
    const Closeness right_close = std::min(right.closeness, related);
    if (left_close != right_close) return left_close > right_close;
    return left.place < right.place;
}

}  // namespace

ReplyFormat choose_reply_format(std::string_view accept) {
    std::array<Preference, 3> preferences{
        {{ReplyFormat::text}, {ReplyFormat::json}, {ReplyFormat::html}}};
    std::size_t place = 0;
    while (!accept.empty() && place < most_ranges) {
        if (accept.front() == ',' || is_blank(accept.front())) {
            accept.remove_prefix(1);
            continue;
        }
        const std::string_view element = take_until(accept, ',');
        ++place;
        const auto range = element.size() > longest_range ? std::nullopt : parse_range(element);
        if (!range) continue;
        for (Preference& preference : preferences) weigh(preference, *range, place);
    }
    const Preference* best = preferences.data();
    for (const Preference& preference : preferences)
        if (preference.quality > 0 && better(preference, *best)) best = &preference;
    return best->format;
}

}  // namespace otto::http
