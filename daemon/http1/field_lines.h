#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "http/fields.h"

namespace otto::http1 {

/// What parse_field_lines found.
struct FieldLines {
    enum class State : std::uint8_t { complete, incomplete, malformed, too_many };
    State state = State::incomplete;
    std::size_t length = 0;   // with the empty line, when complete
    const char* reason = "";  // when malformed
    bool underscore = false;  // a name has one: see imitated_field()
};

/// Parses field lines up to and with the empty line that ends them (RFC 9112 §5), of a header or
/// trailer section, and appends them to `fields`, at most `max_count`. Strict: CRLF only, a token
/// directly before the colon, no obs-fold, no control characters but HTAB; obs-text (0x80–0xff) is
/// allowed in values. Pure.
FieldLines parse_field_lines(std::string_view input, std::size_t max_count,
                             std::vector<http::Field>& fields);

}  // namespace otto::http1
