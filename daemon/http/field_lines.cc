#include "http/field_lines.h"

#include <algorithm>
#include <array>
#include <limits>

#include "http/characters.h"

namespace otto::http {

namespace {

const char* why_not_a_name(char found, bool at_start) {
    if (is_blank(found)) return at_start ? "a folded field line" : "white space before a colon";
    if (found == ':') return "an empty field name";
    if (found == '\n') return "a bare LF";
    if (found == '\r') return "a field line without a colon";
    return "a field name that is not a token";
}

}  // namespace

FieldLines parse_field_lines(std::string_view input, std::size_t max_count,
                             std::vector<Field>& fields) {
    using State = FieldLines::State;
    const char* const begin = input.data();
    const char* const end = begin + input.size();
    const char* line = begin;
    std::size_t count = 0;
    unsigned classes = 0;

    while (line != end) {
        if (*line == '\r') {
            if (line + 1 == end) return {};
            if (line[1] != '\n') return {State::malformed, 0, "a bare CR", false};
            return {State::complete, static_cast<std::size_t>(line + 2 - begin), "",
                    (classes & 2) != 0};
        }

        const char* colon = line;
        for (unsigned kind = 0; colon != end && (kind = look_up(token_table, *colon)) != 0; ++colon)
            classes |= kind;
        if (colon == end) return {};
        if (*colon != ':' || colon == line)
            return {State::malformed, 0, why_not_a_name(*colon, colon == line), false};

        const char* value = colon + 1;
        while (value != end && is_blank(*value)) ++value;
        const char* const stop = find_control(value, end);
        if (stop == end) return {};
        if (*stop == '\n') return {State::malformed, 0, "a bare LF", false};
        if (*stop != '\r')
            return {State::malformed, 0, "a control character in a field value", false};
        if (stop + 1 == end) return {};
        if (stop[1] != '\n') return {State::malformed, 0, "a bare CR", false};

        if (++count > max_count) return {State::too_many, 0, "too many fields", false};
        const char* value_end = stop;
        while (value_end != value && is_blank(value_end[-1])) --value_end;
        const std::string_view name(line, static_cast<std::size_t>(colon - line));
        fields.push_back({name,
                          {value, static_cast<std::size_t>(value_end - value)},
                          {line, static_cast<std::size_t>(stop + 2 - line)},
                          field_id(name)});
        line = stop + 2;
    }
    return {};
}

FieldId imitated_field(std::string_view name) {
    std::array<char, 32> plain{};
    if (name.size() > plain.size() || name.find('_') == std::string_view::npos)
        return FieldId::other;
    std::replace_copy(name.begin(), name.end(), plain.begin(), '_', '-');
    return field_id({plain.data(), name.size()});
}

std::optional<Bytes> parse_content_length(std::string_view value) {
    // 19 digits cannot overflow 64 bits, so one comparison at the end is enough.
    if (value.empty() || value.size() > 19) return std::nullopt;
    if (value.front() == '0' && value.size() > 1) return std::nullopt;
    Bytes length = 0;
    for (const char c : value) {
        if (!is_digit(static_cast<unsigned char>(c))) return std::nullopt;
        length = length * 10 + static_cast<Bytes>(c - '0');
    }
    if (length > static_cast<Bytes>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    return length;
}

void ConnectionOptions::add(std::string_view value) {
    for_each_element(value, [this](std::string_view option) {
        if (equal_ignoring_case(option, "close")) {
            close = true;
        } else if (equal_ignoring_case(option, "keep-alive")) {
            keep_alive = true;
        } else if (equal_ignoring_case(option, "upgrade")) {
            upgrade = true;
        } else {
            nominates = true;
        }
        return ++count <= max_connection_options;
    });
}

NominatedFields::NominatedFields(const std::vector<Field>& fields) {
    for (const Field& field : fields) {
        if (field.id != FieldId::connection) continue;
        for_each_element(field.value, [this](std::string_view option) {
            add(option);
            return count_ < names_.size();
        });
    }
}

/// By length, then by letters: what is looked for is compared with five others at most.
bool NominatedFields::before(std::string_view left, std::string_view right) {
    if (left.size() != right.size()) return left.size() < right.size();
    return std::lexicographical_compare(
        left.begin(), left.end(), right.begin(), right.end(),
        [](char l, char r) { return look_up(lower_table, l) < look_up(lower_table, r); });
}

void NominatedFields::add(std::string_view name) {
    if (count_ == names_.size() || has(name)) return;
    auto* const end = names_.begin() + count_;
    auto* const place = std::upper_bound(names_.begin(), end, name, before);
    std::move_backward(place, end, end + 1);
    *place = name;
    ++count_;
}

bool NominatedFields::has(std::string_view name) const {
    const auto* const end = names_.begin() + count_;
    const auto* const found = std::lower_bound(names_.begin(), end, name, before);
    return found != end && equal_ignoring_case(*found, name);
}

}  // namespace otto::http
