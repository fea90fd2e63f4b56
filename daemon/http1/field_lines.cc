#include "http1/field_lines.h"

#include "http/characters.h"

namespace otto::http1 {

using namespace http;

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

}  // namespace otto::http1
